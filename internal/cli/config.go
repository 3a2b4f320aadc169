package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"thalamus/internal/service"
)

func (c *program) export() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Write what is governed as text: channels, routes, destinations, adopted devices", GroupID: groupOps, Args: cobra.NoArgs,
		Long:    "Write what is governed as text. Secrets stand as (secret); applied again they stay as they are.",
		Example: "  thalamus export > ward.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			caller, err := c.connect()
			if err != nil {
				return err
			}
			var t service.ConfigText
			if err := caller.Call(cmd.Context(), "config.export", service.None{}, &t); err != nil {
				return err
			}
			if c.json {
				return c.print(t)
			}
			_, err = fmt.Fprint(c.out, t.Text)
			return err
		},
	}
}

func (c *program) diff() *cobra.Command {
	return &cobra.Command{
		Use: "diff FILE", Short: "Compare a configuration text with what is in force", GroupID: groupOps, Args: cobra.ExactArgs(1),
		Example: "  thalamus diff ward.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.config(cmd, "config.diff", args[0], service.ConfigText{})
		},
	}
}

func (c *program) apply() *cobra.Command {
	var t service.ConfigText
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Bring a configuration text in force: all of it, or nothing", GroupID: groupOps, Args: cobra.ExactArgs(1),
		Example: "  thalamus apply ward.yaml --reason 'new monitors on ICU'",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.config(cmd, "config.apply", args[0], t) },
	}
	cmd.Flags().StringVar(&t.Reason, "reason", "", "why, for the audit")
	cmd.Flags().StringVar(&t.Base, "base", "", "refuse when something was changed since the export that gave this base (thalamus export --json)")
	return cmd
}

func (c *program) config(cmd *cobra.Command, op, file string, t service.ConfigText) error {
	text, err := c.readFile(file)
	if err != nil {
		return err
	}
	caller, err := c.connect()
	if err != nil {
		return err
	}
	t.Name, t.Text = file, string(text)
	var changes []service.ConfigChange
	if err := caller.Call(cmd.Context(), op, t, &changes); err != nil {
		return err
	}
	if c.json {
		return c.print(changes)
	}
	if len(changes) == 0 {
		fmt.Fprintln(c.out, "no difference")
	}
	for _, d := range changes {
		switch d.Do {
		case "add":
			fmt.Fprintf(c.out, "+ %s\n", d.What)
		case "remove":
			fmt.Fprintf(c.out, "- %s\n", d.What)
		default:
			fmt.Fprintf(c.out, "~ %s %s: %s → %s\n", d.What, d.Key, orNothing(d.Was), orNothing(d.Now))
		}
	}
	return nil
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
