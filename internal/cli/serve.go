package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/app"
	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// stopPatience is how long a stop may take before it is forced.
const stopPatience = 20 * time.Second

func (c *program) serve() *cobra.Command {
	var file, listen string
	var profile string
	var sample bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", GroupID: groupRun, Args: cobra.NoArgs,
		Long:    "Run the server. Without --config it starts with safe defaults: it listens on this machine only, with TLS from its own authority, and keeps everything in ./thalamus-data.",
		Example: "  thalamus serve\n  thalamus serve --config /etc/thalamus/thalamus.yaml\n  thalamus serve --sample > thalamus.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sample {
				fmt.Fprint(c.out, conf.Sample(&conf.Boot{}))
				return nil
			}
			stop, err := cpuProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			app.Process()
			boot := conf.Default()
			if file != "" {
				if boot, err = conf.Load(file); err != nil {
					return err
				}
			}
			if file == "" || cmd.Flags().Changed("data") {
				boot.Data = c.data
			}
			if listen != "" {
				boot.Console.Listen = listen
				if err := boot.Check(); err != nil {
					return err
				}
			}
			a, err := app.Start(cmd.Context(), boot, app.Options{Version: c.version, Log: c.logger(boot.Log)})
			if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
				return nil // told to stop while it started
			}
			if err != nil {
				return err
			}
			go app.Settle()
			if err := c.welcome(context.WithoutCancel(cmd.Context()), a, boot, file); err != nil {
				return errors.Join(err, a.Stop(context.WithoutCancel(cmd.Context())))
			}
			<-cmd.Context().Done()
			fmt.Fprintln(c.err, "stopping: what is under way is finished")
			ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
			defer cancel()
			return a.Stop(ctx)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "boot file")
	cmd.Flags().StringVar(&profile, "cpu-profile", "", "write a CPU profile of the run to this `file`, for go tool pprof")
	cmd.Flags().StringVar(&listen, "listen", "", "address of console and API in place of console.listen, e.g. 127.0.0.1:9443; port 0 takes a free one")
	cmd.Flags().BoolVar(&sample, "sample", false, "print a boot file with every key, its default and what it is for")
	return cmd
}

// cpuProfile profiles the process until stop is called.
func cpuProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cli.file", "cannot write the profile").At(path)
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

func (c *program) logger(l conf.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // checked by conf
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.err, o))
	}
	return slog.New(slog.NewTextHandler(c.err, o))
}

// welcome says how to go on: the console's address, at the first start an
// account with a link that signs in once, and while there is no channel, how
// to let a device send.
func (c *program) welcome(ctx context.Context, a *app.App, boot conf.Boot, file string) error {
	fmt.Fprintf(c.out, "Thalamus %s runs. Console: %s\n", c.version, a.ConsoleURL())
	door := a.Service().OnThisMachine("first start")
	var users []service.Account
	if err := door.Call(ctx, "user.list", nil, &users); err != nil {
		return err
	}
	var channels []service.ChannelRow
	if err := door.Call(ctx, "channel.list", nil, &channels); err != nil {
		return err
	}
	data, err := filepath.Abs(boot.Data)
	if err != nil {
		data = boot.Data
	}
	here := ""
	if boot.Data != defaultData {
		here = " --data " + boot.Data
	}
	if len(users) == 0 {
		link, err := firstAccount(ctx, door, "admin")
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "First sign-in, once, within 15 minutes: %s%s\n", a.ConsoleURL(), link.Path)
		fmt.Fprintf(c.out, "Then set a password: thalamus user password admin%s\n", here)
	}
	if file == "" {
		fmt.Fprintf(c.out, "It runs with safe defaults, on this machine only; everything lies in %s.\n", data)
		fmt.Fprintln(c.out, "To change that: thalamus serve --sample > thalamus.yaml, then thalamus serve --config thalamus.yaml")
	}
	if len(channels) == 0 {
		fmt.Fprintf(c.out, welcomeChannel, here, here, here, here)
	}
	if a.Authority() != nil {
		fmt.Fprintf(c.out, "Browsers trust the console once they trust %s.\n", a.Authority().CertificateFile())
	}
	return nil
}

const defaultData = "./thalamus-data"

const welcomeChannel = `No channel is open yet, so no device can send. How to go on:
  1. thalamus export%s > ward.yaml     and write under channels:
       - {id: icu, driver: mllp, codec: hl7v2, settings: {listen: "127.0.0.1:2575"}}
  2. thalamus diff%s ward.yaml         shows what that changes
  3. thalamus apply%s ward.yaml        brings it in force
  4. thalamus simulate --to 127.0.0.1:2575 --for 10s, then thalamus overview get%s
`

// firstAccount makes an administrator and a link that signs in once.
func firstAccount(ctx context.Context, door service.Caller, name string) (service.SignInLink, error) {
	var link service.SignInLink
	err := door.Call(ctx, "user.add", service.UserAdd{Name: name, Display: "Administrator", Roles: []string{"administrator"}, Reason: "first start"}, nil)
	if err == nil {
		err = door.Call(ctx, "user.link", service.UserName{Name: name, Reason: "first start"}, &link)
	}
	return link, err
}

// readFile reads a file named on the command line; "-" is the standard input.
func (c *program) readFile(name string) ([]byte, error) {
	if name == "-" {
		return readAll(c.in, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fileFault(err, name)
	}
	defer f.Close()
	return readAll(f, name)
}
