// Package bench holds the measurements behind `thalamus bench` and the
// torment of `thalamus torture`. Both start the real program as a process of
// its own and talk to it over real sockets.
package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"thalamus/internal/api"
	"thalamus/internal/app"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// Server is the real program in a process of its own, in a folder of its own.
type Server struct {
	Folder string // data folder
	MLLP   string // address of channel "in"
	Client *api.Client
	// Profile is a folder that gets a CPU profile of each run of the process;
	// empty: none.
	Profile string

	binary  string
	config  string
	process *exec.Cmd
	exited  chan struct{}
	mu      sync.Mutex
	output  bytes.Buffer
}

// NewServer prepares a server below folder; nothing runs yet. binary is the
// program to start, empty for the one running.
func NewServer(folder, binary string) (*Server, error) {
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return nil, fault.Wrap(err, fault.Broken, "bench.binary", "cannot find the running program")
		}
	}
	s := &Server{Folder: filepath.Join(folder, "data"), binary: binary, config: filepath.Join(folder, "thalamus.yaml")}
	mllp, err := freePort()
	if err != nil {
		return nil, err
	}
	console, err := freePort()
	if err != nil {
		return nil, err
	}
	s.MLLP = mllp
	boot := fmt.Sprintf("data: %q\nconsole: {listen: %q}\nlog: {level: warn}\njournal: {floor: 64MiB}\n", s.Folder, console)
	if err := os.WriteFile(s.config, []byte(boot), 0o600); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "bench.folder", "cannot write into the folder of the measurement").At(folder)
	}
	s.Client = api.NewLocal(filepath.Join(s.Folder, app.SocketName))
	return s, nil
}

// freePort gives an address nobody listens on right now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startPatience is how long a server may take until it is ready.
const startPatience = 60 * time.Second

// Start starts the process and returns when it answers, with how long that
// took.
func (s *Server) Start(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	args := []string{"serve", "--config", s.config}
	if s.Profile != "" {
		args = append(args, "--cpu-profile", filepath.Join(s.Profile, began.Format("150405.000")+".pprof"))
	}
	s.process = exec.Command(s.binary, args...)
	s.process.Stdout, s.process.Stderr = lockedWriter{s}, lockedWriter{s}
	if err := s.process.Start(); err != nil {
		return 0, fault.Wrap(err, fault.Broken, "bench.start", "cannot start the server")
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(p *exec.Cmd) { _ = p.Wait(); close(exited) }(s.process)
	for {
		err := s.Client.Call(ctx, "overview.get", nil, nil)
		if err == nil {
			return time.Since(began), nil
		}
		select {
		case <-exited:
			return 0, fault.New(fault.Broken, "bench.start", "the server ended at its start:\n%s", s.Output())
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > startPatience {
			return 0, fault.Wrap(err, fault.Broken, "bench.start", "the server does not answer:\n%s", s.Output())
		}
	}
}

// Kill ends the process the hard way and waits until it is gone.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // gone already: so much the better
	<-s.exited
}

// Stop ends the process the way systemd does.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(os.Interrupt)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.Kill()
	}
}

// Pid of the running process.
func (s *Server) Pid() int { return s.process.Process.Pid }

// Apply brings a configuration text in force; MLLP in it stands for the
// server's own address.
func (s *Server) Apply(ctx context.Context, text string) error {
	text = strings.ReplaceAll(text, "MLLP", s.MLLP)
	return s.Client.Call(ctx, "config.apply", service.ConfigText{Name: "bench.yaml", Text: text, Reason: "measurement"}, nil)
}

// Output is what the process printed last.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

type lockedWriter struct{ s *Server }

// keepOutput bounds what is kept of the process's output.
const keepOutput = 64 << 10

func (w lockedWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.output.Len() > keepOutput {
		w.s.output.Reset()
	}
	return w.s.output.Write(p)
}
