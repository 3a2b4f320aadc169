// Package cli is the command line. The operations of service become commands
// by themselves; what is written here by hand runs the server, works on files
// without a server, simulates, measures and torments.
package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"thalamus/internal/api"
	"thalamus/internal/app"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// program is one run of the command line.
type program struct {
	in       io.Reader
	out, err io.Writer
	version  string

	json      bool
	data      string
	server    string
	authority string
	wait      bool // entry replay --wait
}

const (
	groupRun   = "run"
	groupOps   = "ops"
	groupFiles = "files"
	groupProof = "proof"
)

// Run executes a command line and gives the exit code: 0 done, 1 failed, 2
// wrong usage.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errOut io.Writer) int {
	c := &program{in: in, out: out, err: errOut, version: version}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return c.report(root.ExecuteContext(ctx))
}

func (c *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "thalamus",
		Short:         "The relay between medical devices and everything that needs their data, and the register of those devices",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       c.version,
	}
	root.SetVersionTemplate("thalamus {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupOps, Title: "Operate a running Thalamus:"},
		&cobra.Group{ID: groupFiles, Title: "Work on files:"},
		&cobra.Group{ID: groupProof, Title: "Measure and prove:"},
	)
	pf := root.PersistentFlags()
	pf.BoolVar(&c.json, "json", false, "print JSON")
	pf.StringVar(&c.data, "data", env("THALAMUS_DATA", defaultData), "data folder of the server on this machine")
	pf.StringVar(&c.server, "server", os.Getenv("THALAMUS_SERVER"), "address of another server, https://host:8443; its token in THALAMUS_TOKEN, or in the file that THALAMUS_TOKEN_FILE names")
	pf.StringVar(&c.authority, "authority", os.Getenv("THALAMUS_AUTHORITY"), "PEM file of the authority that server's certificate is from")
	// What the environment says is no default of the program.
	pf.Lookup("data").DefValue, pf.Lookup("server").DefValue, pf.Lookup("authority").DefValue = defaultData, "", ""
	root.AddCommand(c.serve(), c.demo(), c.simulate(), c.drill(), c.versionCommand())
	root.AddCommand(c.decode(), c.convert(), c.explain())
	root.AddCommand(c.torture(), c.bench())
	root.AddCommand(c.export(), c.diff(), c.apply())
	root.AddCommand(c.journal())
	root.AddCommand(c.ucum(), c.code(), c.profile())
	root.AddCommand(c.extract(), c.waveform())
	root.AddCommand(c.reference(root))
	c.addOps(root)
	root.AddCommand(c.completion(root))
	root.SetHelpCommandGroupID(groupRun)
	root.InitDefaultHelpCmd()
	strict(root)
	values(root)
	return root
}

const rootHelp = "The relay between medical devices and everything that needs their data, and\n" +
	"the register of those devices.\n\n" +
	"Begin with `thalamus demo`, or with `thalamus serve` for real use. Every\n" +
	"command takes --json and has --help with an example. Errors go to the standard\n" +
	"error; the exit code is 0 when it is done, 1 when it could not be done, 2 when\n" +
	"the command line is wrong."

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func upperFirst(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

// mayRead refuses a folder that is there and not for this user.
func mayRead(folder string) error {
	if _, err := os.ReadDir(folder); errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.Denied, "cli.denied", "this user may not read the folder").At(folder)
	}
	return nil
}

// connect finds the running server: the one named, else the one whose socket
// lies in the data folder.
func (c *program) connect() (service.Caller, error) {
	if c.server != "" {
		token, err := token()
		if err != nil {
			return nil, err
		}
		if token == "" {
			return nil, fault.New(fault.Denied, "cli.no-token", "%s wants an API token", c.server)
		}
		return api.NewClient(c.server, token, c.authority)
	}
	if err := mayRead(c.data); err != nil {
		return nil, err
	}
	socket := filepath.Join(c.data, app.SocketName)
	if _, err := os.Stat(socket); err != nil {
		return nil, fault.New(fault.Absent, "cli.no-server", "no Thalamus runs on this folder").At(c.data)
	}
	return api.NewLocal(socket), nil
}

// token is the API token for another server, from the environment or a file
// named there; never from the command line, which everybody on this machine
// can read.
func token() (string, error) {
	file := os.Getenv("THALAMUS_TOKEN_FILE")
	if file == "" {
		return strings.TrimSpace(os.Getenv("THALAMUS_TOKEN")), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fileFault(err, file)
	}
	return strings.TrimSpace(string(text)), nil
}

func (c *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", GroupID: groupRun, Args: cobra.NoArgs, Example: "  thalamus version --json",
		RunE: func(*cobra.Command, []string) error {
			return c.print(struct {
				Version string `json:"version"`
			}{c.version})
		},
	}
}
