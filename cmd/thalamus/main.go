// Command thalamus is the whole program: server, console, command line,
// simulators and measurements.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"thalamus/internal/cli"
)

// version is set at release by -ldflags.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
