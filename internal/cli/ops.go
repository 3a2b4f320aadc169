package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// nouns says what the operations of a noun are about, for the help.
var nouns = map[string]string{
	"alert":       "alarms as the devices report them",
	"audit":       "who did and saw what",
	"channel":     "configured links to devices",
	"config":      "governed configuration as text",
	"deadletter":  "deliveries that were given up",
	"destination": "configured receivers",
	"device":      "devices seen and adopted",
	"entry":       "journal entries: bytes as received",
	"issue":       "what could not be understood",
	"journal":     "the log of every frame",
	"live":        "last values by bed",
	"message":     "decoded messages and their way",
	"overview":    "how everything stands",
	"patient":     "patients known from messages and ADT",
	"replay":      "deliveries asked for again",
	"route":       "what goes where",
	"token":       "API tokens",
	"trend":       "numbers over time",
	"user":        "accounts of people",
	"waveform":    "samples over time",
}

// addOps adds a command for every operation: `thalamus noun verb`. Operations
// of the noun config are commands of their own: `thalamus export`.
func (c *program) addOps(root *cobra.Command) {
	parents := map[string]*cobra.Command{}
	for _, op := range service.Ops() {
		noun := op.Noun()
		if noun == "config" || noun == "session" {
			continue // commands of their own
		}
		parent, ok := parents[noun]
		if !ok {
			parent = find(root, noun)
			if parent == nil {
				parent = &cobra.Command{Use: noun, Short: upperFirst(nouns[noun]), GroupID: groupOps}
				root.AddCommand(parent)
			}
			parents[noun] = parent
		}
		if find(parent, op.Verb()) == nil {
			parent.AddCommand(c.opCommand(op))
		}
	}
}

func find(parent *cobra.Command, name string) *cobra.Command {
	i := slices.IndexFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
	if i < 0 {
		return nil
	}
	return parent.Commands()[i]
}

func (c *program) opCommand(op service.Op) *cobra.Command {
	fields := service.Fields(op.Request)
	use := op.Verb()
	var positional []service.Field
	for _, f := range fields {
		if f.Arg {
			positional = append(positional, f)
			use += " [" + f.Name + "]"
		}
	}
	cmd := &cobra.Command{
		Use: use, Short: op.Doc, Args: cobra.MaximumNArgs(len(positional)),
		Example: fmt.Sprintf("  thalamus %s %s %s", op.Noun(), op.Verb(), op.Example),
	}
	values := map[string]*flagValue{}
	for _, f := range fields {
		v := &flagValue{field: f}
		values[f.Name] = v
		flag := cmd.Flags().VarPF(v, f.Name, "", f.Doc)
		if f.Bool {
			flag.NoOptDefVal = "true"
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request := reflect.New(op.Request)
		for i, text := range args {
			values[positional[i].Name].texts = append(values[positional[i].Name].texts, text)
		}
		for _, f := range fields {
			if v := values[f.Name]; len(v.texts) > 0 {
				if err := f.Set(request.Interface(), v.texts); err != nil {
					return err
				}
			}
		}
		caller, err := c.caller()
		if err != nil {
			return err
		}
		response := reflect.New(op.Response)
		if err := caller.Call(cmd.Context(), op.Name, request.Interface(), response.Interface()); err != nil {
			return err
		}
		return c.print(response.Elem().Interface())
	}
	return cmd
}

// flagValue collects what a flag is given; the field itself checks it.
type flagValue struct {
	field service.Field
	texts []string
}

func (v *flagValue) String() string     { return "" }
func (v *flagValue) Set(s string) error { v.texts = append(v.texts, s); return nil }
func (v *flagValue) Type() string {
	switch {
	case v.field.Bool:
		return "true/false"
	case v.field.List:
		return "list"
	}
	return "value"
}

// print writes a response: JSON with --json, else a table or a list of
// fields.
func (c *program) print(v any) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return printText(c.out, v)
}

func (c *program) caller() (service.Caller, error) {
	caller, err := c.connect()
	if err != nil && fault.KindOf(err) == fault.Absent {
		return nil, fault.New(fault.Absent, "cli.no-server", "no Thalamus runs on the folder %s; start `thalamus serve`, or name a server with --server and a token in THALAMUS_TOKEN", c.data)
	}
	return caller, err
}
