package cli

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// ucum works on units of measure; no server is asked.
func (c *program) ucum() *cobra.Command {
	parent := &cobra.Command{Use: "ucum", Short: "Units of measure by UCUM: validate, convert, explain", GroupID: groupFiles}
	parent.AddCommand(c.ucumValidate(), c.ucumConvert(), c.ucumExplain())
	return parent
}

// validated is what `ucum validate` says of one unit.
type validated struct {
	Unit     string `json:"unit"`
	Valid    bool   `json:"valid"`
	Code     string `json:"code,omitempty"` // the case sensitive form, where another was given
	Name     string `json:"name,omitempty"`
	Byte     *int   `json:"byte,omitempty"` // where it is wrong
	Problem  string `json:"problem,omitempty"`
	Fault    string `json:"fault,omitempty"`
	DidYou   string `json:"didYouMean,omitempty"`
	position int
}

func (c *program) ucumValidate() *cobra.Command {
	var insensitive bool
	cmd := &cobra.Command{
		Use: "validate UNIT…", Short: "Say whether texts are units of UCUM, and where they are wrong", Args: cobra.MinimumNArgs(1),
		Long:    "Say whether texts are units of UCUM. UNIT may be - for a list on the standard input, one unit a line. The exit code is 1 when one is none.",
		Example: "  thalamus ucum validate mg/dL mmHg\n  thalamus ucum validate --insensitive 'MM[HG]'\n  cut -f3 units.tsv | thalamus ucum validate --json -",
		RunE: func(_ *cobra.Command, texts []string) error {
			texts, err := c.unitTexts(texts)
			if err != nil {
				return err
			}
			rows, wrong := make([]validated, len(texts)), false
			for i, text := range texts {
				rows[i] = validate(text, insensitive)
				wrong = wrong || !rows[i].Valid
			}
			if c.json {
				err = c.printJSON(c.out, rows)
			} else {
				err = c.printValidated(rows)
			}
			if err == nil && wrong {
				err = errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&insensitive, "insensitive", false, "read the case insensitive form of UCUM")
	return cmd
}

// unitTexts gives the arguments, or the lines of the standard input for "-".
func (c *program) unitTexts(texts []string) ([]string, error) {
	if len(texts) != 1 || texts[0] != "-" {
		return texts, nil
	}
	texts = nil
	lines := bufio.NewScanner(c.in)
	for lines.Scan() {
		if text := strings.TrimSpace(lines.Text()); text != "" {
			texts = append(texts, text)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fileFault(err, "-")
	}
	return texts, nil
}

func parseUnit(text string, insensitive bool) (*ucum.Unit, error) {
	if insensitive {
		return ucum.ParseInsensitive(text)
	}
	return ucum.Parse(text)
}

func validate(text string, insensitive bool) validated {
	v := validated{Unit: text, position: -1}
	u, err := parseUnit(text, insensitive)
	if err != nil {
		v.Fault, v.DidYou = fault.CodeOf(err), ucum.Suggest(text)
		v.Problem = strings.TrimSuffix(err.Error(), " ["+v.Fault+"]")
		if at, ok := ucum.Position(err); ok {
			v.Byte, v.position = &at, at
		}
		return v
	}
	v.Valid = true
	v.Name, _ = ucum.Name(u.Code())
	if u.Code() != text {
		v.Code = u.Code()
	}
	return v
}

func (c *program) printValidated(rows []validated) error {
	out := bufio.NewWriter(c.out)
	for _, v := range rows {
		switch {
		case !v.Valid:
			fmt.Fprintf(out, "%s  no: %s\n", v.Unit, v.Problem)
			if v.position >= 0 {
				fmt.Fprintf(out, "%s^\n", strings.Repeat(" ", v.position))
			}
			if v.DidYou != "" {
				fmt.Fprintf(out, "  did you mean %s?\n", v.DidYou)
			}
		case v.Code != "":
			fmt.Fprintf(out, "%s  yes: %s, %s\n", v.Unit, v.Code, v.Name)
		default:
			fmt.Fprintf(out, "%s  yes: %s\n", v.Unit, v.Name)
		}
	}
	return out.Flush()
}

// unitOf reads a unit of the command line; its fault shows the place.
func unitOf(text string, insensitive bool) (*ucum.Unit, error) {
	u, err := parseUnit(text, insensitive)
	if err == nil {
		return u, nil
	}
	code := fault.CodeOf(err)
	what := strings.TrimSuffix(err.Error(), " ["+code+"]")
	if near := ucum.Suggest(text); near != "" {
		what += fmt.Sprintf("; did you mean %s?", near)
	}
	if at, ok := ucum.Position(err); ok {
		what += "\n    " + text + "\n    " + strings.Repeat(" ", at) + "^"
	}
	return nil, fault.New(fault.Invalid, code, "%s", what).At(text)
}

// converted is what `ucum convert` says.
type converted struct {
	Value   model.Decimal `json:"value"`
	Unit    string        `json:"unit"`
	Exact   bool          `json:"exact"`             // else rounded to 15 significant digits
	Rounded model.Decimal `json:"rounded"`           // to the digits that were given
	From    model.Decimal `json:"from"`              // the value given
	FromIn  string        `json:"fromUnit"`          // and its unit
	Measure string        `json:"measure,omitempty"` // what both measure
}

func (c *program) ucumConvert() *cobra.Command {
	var insensitive bool
	var molarMass string
	cmd := &cobra.Command{
		Use: "convert VALUE FROM TO", Short: "Convert a value from one unit to another, exactly", Args: cobra.ExactArgs(3),
		Long: "Convert a value from one unit to another. The result is exact where a decimal number of at most 18 digits can be, else rounded half to even to 15 significant digits; beside it stands the result with as many digits as were given. " +
			"Between moles and grams the molar mass of the substance leads, --molar-mass. Put -- before a negative value.",
		Example: "  thalamus ucum convert 98.6 '[degF]' Cel\n  thalamus ucum convert 60 '{beats}/min' /s\n  thalamus ucum convert -- -40 Cel '[degF]'\n  thalamus ucum convert 7.40 '[pH]' nmol/L --json\n  thalamus ucum convert 5.5 mmol/L mg/dL --molar-mass 180.156",
		RunE: func(_ *cobra.Command, args []string) error {
			value, err := model.ParseDecimal(args[0])
			if err != nil {
				return fault.New(fault.Invalid, "cli.argument", "expected a decimal number of at most 18 digits, such as 98.6").At(args[0])
			}
			from, err := unitOf(args[1], insensitive)
			if err != nil {
				return err
			}
			to, err := unitOf(args[2], insensitive)
			if err != nil {
				return err
			}
			out := converted{Unit: to.Code(), From: value, FromIn: from.Code()}
			way, err := between(from, to, molarMass)
			if err != nil {
				return explained(err, from, to)
			}
			if out.Value, out.Exact, err = way.Value(value); err != nil {
				return err
			}
			out.Rounded = ucum.Rounded(out.Value, ucum.Digits(value))
			if e, err := ucum.Explain(to.Code()); err == nil {
				out.Measure = e.Dimension
			}
			if c.json {
				return c.printJSON(c.out, out)
			}
			how := ""
			if !out.Exact {
				how = "  (rounded to 15 digits)"
			}
			if _, err := fmt.Fprintf(c.out, "%s %s%s\n", out.Value, out.Unit, how); err != nil {
				return err
			}
			if out.Rounded != out.Value {
				_, err = fmt.Fprintf(c.out, "%s %s  with the digits given\n", out.Rounded, out.Unit)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&insensitive, "insensitive", false, "read the units in the case insensitive form of UCUM")
	cmd.Flags().StringVar(&molarMass, "molar-mass", "", "g/mol of the substance, between units that count moles and that weigh, e.g. 180.156 of glucose")
	return cmd
}

// between is the conversion, by a molar mass where one is given.
func between(from, to *ucum.Unit, molarMass string) (ucum.Conversion, error) {
	if molarMass == "" {
		return ucum.Between(from, to)
	}
	grams, err := model.ParseDecimal(molarMass)
	if err != nil {
		return ucum.Conversion{}, fault.New(fault.Invalid, "cli.argument", "expected grams per mole, such as 180.156").At("--molar-mass")
	}
	return ucum.BetweenMolar(from, to, grams)
}

// explained adds to a refusal what the two units measure.
func explained(err error, from, to *ucum.Unit) error {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "ucum.incommensurable" {
		return err
	}
	if ucum.Molar(from, to) {
		return fault.New(f.Kind, f.Code, "%s cannot be converted to %s without the molar mass of the substance: one counts moles, the other weighs; give it with --molar-mass, in g/mol (180.156 of glucose); in a profile, write the other value under `derive` with its own code", from.Code(), to.Code())
	}
	a, err1 := ucum.Explain(from.Code())
	b, err2 := ucum.Explain(to.Code())
	if err1 != nil || err2 != nil {
		return err
	}
	return fault.New(f.Kind, f.Code, "%s: %s is %s, %s is %s", f.Text, from.Code(), measure(a), to.Code(), measure(b))
}

func measure(e ucum.Explanation) string {
	if e.Dimension == "" {
		return "a number"
	}
	return e.Dimension
}

func (c *program) ucumExplain() *cobra.Command {
	var insensitive bool
	cmd := &cobra.Command{
		Use: "explain UNIT", Short: "Say what a unit means: name, dimension, base units, parts", Args: cobra.ExactArgs(1),
		Example: "  thalamus ucum explain 'ug/kg/min'\n  thalamus ucum explain '[degF]' --json",
		RunE: func(_ *cobra.Command, args []string) error {
			u, err := unitOf(args[0], insensitive)
			if err != nil {
				return err
			}
			e, err := ucum.Explain(u.Code())
			if err != nil {
				return err
			}
			return c.print(e)
		},
	}
	cmd.Flags().BoolVar(&insensitive, "insensitive", false, "read the case insensitive form of UCUM")
	return cmd
}
