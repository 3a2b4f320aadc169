package cli

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/builtin"
	"thalamus/internal/service"
	"thalamus/internal/sim/faults"
)

// shells are those that completion knows.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func oneShell(_ *cobra.Command, args []string) error {
	if len(args) != 1 || !slices.Contains(shells(), args[0]) {
		return fmt.Errorf("expected one of %s", strings.Join(shells(), ", "))
	}
	return nil
}

func (c *program) completion(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script for bash, zsh, fish or powershell", GroupID: groupRun,
		Long:      "Print a script that lets a shell complete commands, flags, roles and the ids of what the running server has. In bash it needs the package bash-completion.",
		Example:   "  source <(thalamus completion bash)\n  thalamus completion bash > /etc/bash_completion.d/thalamus\n  thalamus completion zsh > \"${fpath[1]}/_thalamus\"\n  thalamus completion fish > ~/.config/fish/completions/thalamus.fish",
		ValidArgs: shells(), Args: oneShell,
		RunE: func(_ *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.out, true)
			case "zsh":
				return root.GenZshCompletion(c.out)
			case "fish":
				return root.GenFishCompletion(c.out, true)
			}
			return root.GenPowerShellCompletionWithDesc(c.out)
		},
	}
}

// lists says which operation lists what a noun's ids may be.
var lists = map[string]string{
	"channel": "channel.list", "route": "route.list", "destination": "destination.list", "device": "device.list", "user": "user.list", "token": "token.list",
}

// complete offers what the running server has for the first argument of an
// operation; nothing when none runs.
func (c *program) complete(op service.Op) cobra.CompletionFunc {
	list := lists[op.Noun()]
	if list == "" || list == op.Name || op.Verb() == "put" || op.Name == "user.add" || op.Name == "token.create" {
		return cobra.NoFileCompletions
	}
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		caller, err := c.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ids(cmd.Context(), caller, list), cobra.ShellCompDirectiveNoFileComp
	}
}

// ids calls an operation that lists things and gives their ids, with their
// names where they have some.
func ids(ctx context.Context, caller service.Caller, list string) []string {
	all := service.Ops()
	op := all[slices.IndexFunc(all, func(o service.Op) bool { return o.Name == list })]
	answer := reflect.New(op.Response)
	if caller.Call(ctx, list, nil, answer.Interface()) != nil {
		return nil // completion says nothing of what goes wrong
	}
	rows := answer.Elem()
	if rows.Kind() == reflect.Struct {
		rows = rows.FieldByName("Rows")
	}
	var out []string
	for i := range rows.Len() {
		row := rows.Index(i)
		id, name := row.FieldByName("ID").String(), ""
		if f := row.FieldByName("Name"); f.IsValid() {
			name = f.String()
		}
		if list == "user.list" {
			id, name = name, ""
		}
		out = append(out, cobra.CompletionWithDesc(id, name))
	}
	return out
}

// values offers the values of flags that have few.
func values(cmd *cobra.Command) {
	for flag, words := range map[string][]string{
		"roles": {"viewer", "operator", "engineer", "administrator"},
		"codec": codecNames(),
		"fault": faultNames(),
		"to":    {"fhir"},
	} {
		if cmd.Flags().Lookup(flag) == nil || flag == "to" && cmd.Name() != "convert" {
			continue
		}
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	}
	for _, sub := range cmd.Commands() {
		values(sub)
	}
}

func codecNames() []string {
	var names []string
	for _, k := range builtin.Codecs() {
		names = append(names, k.Name())
	}
	return names
}

func faultNames() []string {
	names := []string{"list"}
	for _, f := range faults.Catalogue() {
		if f.Where != faults.Site {
			names = append(names, f.Name)
		}
	}
	return names
}
