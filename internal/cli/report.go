package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"thalamus/internal/fault"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1 // it was understood, and could not be done
	exitUsage  = 2 // the command line itself is wrong; nothing was done
)

// errSilent ends with exit code 1 when everything has been said.
var errSilent = errors.New("failed")

// usage is a fault of the command line itself; its place is the command.
func usage(cmd *cobra.Command, text string, args ...any) error {
	return fault.New(fault.Invalid, "cli.usage", text, args...).At(cmd.CommandPath())
}

// report tells what went wrong on the standard error, and gives the exit code:
// place and text, what to do, and the code to look it up; with --json one
// object.
func (c *program) report(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSilent):
		return exitFailed
	}
	var f *fault.Fault
	if !errors.As(err, &f) {
		if errors.Is(err, context.Canceled) {
			f = fault.New(fault.Transient, "cli.interrupted", "interrupted; what was done until then stays")
		} else {
			f = fault.Wrap(err, fault.Broken, "internal", "an error nobody expected")
		}
		err = f
	}
	toDo := toDoOf(f.Code)
	if f.Code == "cli.usage" {
		toDo = fmt.Sprintf("`%s --help` shows how, with an example.", f.Place)
	}
	text := strings.TrimSuffix(err.Error(), " ["+f.Code+"]")
	if c.json {
		c.printJSON(c.err, struct {
			Error reported `json:"error"`
		}{reported{f.Kind, f.Code, f.Place, text, toDo}})
	} else {
		fmt.Fprintln(c.err, "thalamus:", text)
		if toDo != "" {
			fmt.Fprintln(c.err, "  to do:", toDo)
		}
		fmt.Fprintln(c.err, "  code: ", f.Code)
	}
	switch f.Code {
	case "cli.usage", "cli.argument", "service.argument":
		return exitUsage
	}
	return exitFailed
}

// reported is an error as --json prints it.
type reported struct {
	Kind  fault.Kind `json:"kind"`
	Code  string     `json:"code"`
	Place string     `json:"place,omitempty"`
	Text  string     `json:"text"`
	ToDo  string     `json:"toDo,omitempty"`
}

func toDoOf(code string) string {
	all := fault.Catalogue()
	if i := slices.IndexFunc(all, func(d fault.Described) bool { return d.Code == code }); i >= 0 {
		return all[i].ToDo
	}
	return ""
}

func (c *program) printJSON(w interface{ Write([]byte) (int, error) }, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// strict makes a tree of commands answer a wrong command line with a fault
// that names what is meant instead.
func strict(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(cmd, "%s", strings.NewReplacer("arg(s)", "arguments", "accepts", "it takes", "invalid argument", "there is no").Replace(before(err.Error(), " for \"")))
			}
			return nil
		}
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
				return noCommand(cmd, cmd.Flags().Arg(0)) // its flags are not known because it is not
			}
			if near := fault.Nearest(unknown.GetSpecifiedName(), flagNames(cmd)); near != "" {
				return usage(cmd, "there is no flag --%s; did you mean --%s?", unknown.GetSpecifiedName(), near)
			}
			return usage(cmd, "there is no flag --%s", strings.TrimLeft(unknown.GetSpecifiedName(), "-"))
		}
		return usage(cmd, "%s", err)
	})
	if !cmd.Runnable() && cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return noCommand(cmd, args[0])
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// noCommand says that a noun has no such verb, and which one may be meant.
func noCommand(cmd *cobra.Command, verb string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	if near := fault.Nearest(verb, names); near != "" {
		return usage(cmd, "there is no command %q; did you mean `%s %s`?", verb, cmd.CommandPath(), near)
	}
	return usage(cmd, "there is no command %q", verb)
}

func before(s, mark string) string {
	s, _, _ = strings.Cut(s, mark)
	return s
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
