package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/flow/record"
	"thalamus/internal/service"
)

// nouns says what the operations of a noun are about, for the help.
var nouns = map[string]string{
	"acceptance":  "what may be used: questions, answers with evidence, signatures, what contradicts them",
	"accessory":   "what belongs to a device: cables, batteries, consumables",
	"alert":       "alarms as the devices report them",
	"view":        "views of the console and columns of its tables, kept with your account",
	"association": "which patient a device or bed has, and had",
	"audit":       "who did and saw what",
	"care":        "what is due: maintenance, calibration, electrical safety",
	"channel":     "configured links to devices",
	"credential":  "what devices sign in with: passwords and certificates",
	"config":      "governed configuration as text",
	"contract":    "contracts for devices",
	"deadletter":  "deliveries that were given up",
	"dependency":  "what stops if something stops",
	"destination": "configured receivers",
	"device":      "devices seen and adopted",
	"driver":      "links to devices that are in the program",
	"entry":       "journal entries: bytes as received",
	"extract":     "parts of the record as files: Parquet, FHIR bulk NDJSON, CSV",
	"fact":        "what is observed, said and decided of devices, models, releases and services",
	"flow":        "who talks to whom, approved or not",
	"graph":       "what flows where",
	"hold":        "segments of the journal kept from retention",
	"issue":       "what could not be understood",
	"job":         "imports, edits of many devices, and what undid them",
	"journal":     "the log of every frame",
	"kind":        "kinds of destinations that are in the program",
	"label":       "what devices call things, and what it means",
	"live":        "last values by bed",
	"location":    "departments, rooms and beds where devices stand",
	"message":     "decoded messages and their way",
	"metric":      "what devices measure",
	"model":       "types of devices, with their releases",
	"name":        "names of people by their ids",
	"observation": "numbers over time, and last values",
	"oversight":   "what should be looked at, and how the program itself is",
	"order":       "work orders on devices",
	"change":      "who changed a thing, when and why, and its way back",
	"overview":    "how everything stands",
	"pairing":     "Bluetooth devices that want to be taken in",
	"patient":     "patients known from messages and ADT",
	"plan":        "maintenance plans",
	"profile":     "how device models are read",
	"quarantine":  "what waits until somebody adopts its device",
	"replay":      "deliveries asked for again",
	"role":        "what each role may do",
	"route":       "what goes where",
	"service":     "what the house does with devices, and what that needs",
	"task":        "what somebody should look at",
	"template":    "templates of the questions that are asked before something may be used",
	"term":        "the table of metrics",
	"segment":     "parts of the network by ranges of addresses",
	"token":       "API tokens",
	"trend":       "numbers over time",
	"user":        "accounts of people",
	"waveform":    "samples over time, and as files: WFDB, EDF+, FHIR, CSV",
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
			if op.Name == "live.watch" {
				parent.AddCommand(c.watchLive(op))
				continue
			}
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
	needed := 0
	for _, f := range fields {
		switch {
		case f.Arg && f.Required:
			use += " " + strings.ToUpper(f.Name)
			needed++
		case f.Arg:
			use += " [" + strings.ToUpper(f.Name) + "]"
		}
		if f.Arg {
			positional = append(positional, f)
		}
	}
	cmd := &cobra.Command{
		Use: use, Short: op.Doc, Args: cobra.MaximumNArgs(len(positional)), ValidArgsFunction: c.complete(op),
		Example: strings.TrimRight(fmt.Sprintf("  thalamus %s %s %s", op.Noun(), op.Verb(), op.Example), " "),
	}
	values := map[string]*flagValue{}
	for _, f := range fields {
		if f.Secret {
			continue // asked for, never on the command line
		}
		doc := f.Doc
		if f.JSON {
			doc += "; @FILE reads it from a file, @- from the standard input"
		}
		values[f.Name] = flagOf(cmd, f, doc)
	}
	secret := c.secretFlags(cmd, fields)
	if op.Name == "entry.replay" {
		cmd.Flags().BoolVar(&c.wait, "wait", false, "wait until all of it is queued, and print how much that is")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request := reflect.New(op.Request)
		for i, text := range args {
			values[positional[i].Name].texts = append(values[positional[i].Name].texts, text)
		}
		splitRefs(values)
		for _, f := range fields {
			v := values[f.Name]
			switch {
			case f.Secret:
				continue
			case len(v.texts) == 0 && f.Required && f.Arg:
				return usage(cmd, "%s is missing (%s)", strings.ToUpper(f.Name), f.Doc)
			case len(v.texts) == 0 && f.Required:
				return usage(cmd, "--%s is missing (%s)", f.Name, f.Doc)
			case len(v.texts) == 0:
				continue
			}
			texts, err := c.texts(f, v.texts)
			if err != nil {
				return err
			}
			if err := f.Set(request.Interface(), texts); err != nil {
				return err
			}
		}
		if err := secret(request.Interface()); err != nil {
			return err
		}
		caller, err := c.connect()
		if err != nil {
			return err
		}
		response := reflect.New(op.Response)
		change := ""
		if err := caller.Call(service.WantChange(cmd.Context(), &change), op.Name, request.Interface(), response.Interface()); err != nil {
			return err
		}
		if c.wait {
			return c.watchReplay(cmd.Context(), caller, response.Interface().(*service.ReplayMade).Replay)
		}
		if err := c.printDone(op, response.Elem(), change); err != nil {
			return err
		}
		if good := response.Elem(); good.Kind() == reflect.Struct && good.FieldByName("Good").IsValid() && !good.FieldByName("Good").Bool() {
			return errSilent // a verification that found something
		}
		return nil
	}
	return cmd
}

// splitRefs lets a message be named as lists show it, "4711.0", where an
// operation asks for the entry and the part, or for entries and messages.
func splitRefs(values map[string]*flagValue) {
	if seq, part := values["seq"], values["part"]; seq != nil && part != nil && len(seq.texts) == 1 && len(part.texts) == 0 {
		if entry, n, ok := strings.Cut(seq.texts[0], "."); ok {
			seq.texts, part.texts = []string{entry}, []string{n}
		}
	}
	if entries, refs := values["entries"], values["refs"]; entries != nil && refs != nil {
		whole := entries.texts[:0:0]
		for _, text := range entries.texts {
			if strings.Contains(text, ".") {
				refs.texts = append(refs.texts, text)
			} else {
				whole = append(whole, text)
			}
		}
		entries.texts = whole
	}
}

// texts gives the texts of a flag; for a field of JSON, @FILE and @- stand for
// what a file holds, and a field of bytes is always the name of one.
func (c *program) texts(f service.Field, texts []string) ([]string, error) {
	last := texts[len(texts)-1]
	name, file := strings.CutPrefix(last, "@")
	if f.File {
		bytes, err := c.readFile(name)
		return []string{string(bytes)}, err
	}
	if !f.JSON || !file {
		return texts, nil
	}
	text, err := c.readFile(name)
	return []string{string(text)}, err
}

// flagValue collects what a flag is given; the field itself checks it.
type flagValue struct {
	field service.Field
	texts []string
}

// flagOf adds the flag of a field to a command.
func flagOf(cmd *cobra.Command, f service.Field, doc string) *flagValue {
	v := &flagValue{field: f}
	if flag := cmd.Flags().VarPF(v, f.Name, "", doc); f.Bool {
		flag.NoOptDefVal = "true"
	}
	return v
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

// printDone writes what an operation answered, and the change it made where
// the answer does not say it: what is done is taken back by that.
func (c *program) printDone(op service.Op, answer reflect.Value, change string) error {
	said := answer.Kind() == reflect.Struct && answer.FieldByName("Change").IsValid()
	nothing := answer.Kind() == reflect.Struct && answer.NumField() == 0
	if said || change == "" || c.json && !nothing {
		return c.print(answer.Interface())
	}
	if c.json {
		return c.printJSON(c.out, map[string]string{"change": change})
	}
	if err := c.print(answer.Interface()); err != nil || !service.Undoable(op) {
		return err
	}
	_, err := fmt.Fprintf(c.out, "\nchange  %s\n", change)
	return err
}

// print writes a response: JSON with --json, else a table or a list of
// fields.
func (c *program) print(v any) error {
	if a, ok := v.(service.SeriesAnswer); ok && (!c.json || len(a.FHIR) > 0) {
		return c.printSeries(a)
	}
	if c.json {
		return c.printJSON(c.out, v)
	}
	if v == any(service.None{}) {
		v = "done"
	}
	if beds, ok := v.([]service.Bed); ok {
		return printBeds(c.out, beds, c.width())
	}
	if trends, ok := v.([]record.Trend); ok {
		return c.printTrends(trends)
	}
	if runs, ok := v.([]record.Samples); ok {
		return c.printSamples(runs)
	}
	return printText(c.out, v, c.width())
}
