package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"thalamus/internal/mdc"
	"thalamus/internal/ucum"
)

// code works on the table of codes; no server is asked.
func (c *program) code() *cobra.Command {
	parent := &cobra.Command{Use: "code", Short: "Codes of what devices measure: MDC, LOINC, names, units, limits, labels", GroupID: groupFiles}
	parent.AddCommand(c.codeFind())
	return parent
}

// foundCode is one term as `code find` explains it.
type foundCode struct {
	RefID    string     `json:"refid"`          // empty for a LOINC code that no MDC term has
	Code     uint32     `json:"code,omitempty"` // context-free, partition<<16 | term
	Term     string     `json:"term,omitempty"` // partition:term
	Kind     string     `json:"kind,omitempty"`
	English  string     `json:"english"`
	German   string     `json:"german,omitempty"`
	French   string     `json:"french,omitempty"`
	LOINC    string     `json:"loinc,omitempty"`
	Profile  string     `json:"profile,omitempty"` // FHIR vital signs profile
	Units    []string   `json:"units,omitempty"`   // UCUM, the preferred one first
	Low      string     `json:"low,omitempty"`     // possible at all, in the preferred unit
	High     string     `json:"high,omitempty"`
	Ages     []ageLimit `json:"ages,omitempty"`
	Synonyms []string   `json:"synonyms,omitempty"`
	Aliases  []string   `json:"aliases,omitempty"` // older names and numbers
	Evidence string     `json:"evidence"`
}

type ageLimit struct {
	FromDays  int    `json:"fromDays"`
	UntilDays int    `json:"untilDays,omitempty"`
	Low       string `json:"low"`
	High      string `json:"high"`
}

// codeAnswer is what `code find` prints for one text.
type codeAnswer struct {
	Asked   string      `json:"asked"`
	Found   []foundCode `json:"found"`
	Right   string      `json:"right,omitempty"`   // the LOINC code with the right check digit, where it was wrong
	Nearest []nearCode  `json:"nearest,omitempty"` // where nothing has that name
}

type nearCode struct {
	RefID    string  `json:"refid"`
	English  string  `json:"english"`
	Alike    string  `json:"alike"` // the label that is alike
	Likeness float64 `json:"likeness"`
}

func (c *program) codeFind() *cobra.Command {
	var unit string
	var limit int
	cmd := &cobra.Command{
		Use: "find TEXT…", Short: "Explain a code or label, or say what is most like it", Args: cobra.MinimumNArgs(1),
		Long: "Explain a code or label: an MDC number (150456 or 2:19384), an MDC name, a LOINC code, or what a vendor calls a quantity.\n\n" +
			"Where nothing has that name, print the metrics with the most similar labels and exit with 1. The likeness of two labels is the largest of: one minus the share of letters that must be changed; Dice's coefficient of their pairs of letters; and, where one stands in the other, a half and half their ratio of lengths. Only letters and digits count. With --unit, metrics that cannot have that unit count half.",
		Example: "  thalamus code find spo2\n  thalamus code find 147842 MDC_TEMP 8867-4\n  thalamus code find 'Sp02 finger' --unit %",
		RunE: func(_ *cobra.Command, texts []string) error {
			var u *ucum.Unit
			if unit != "" {
				var err error
				if u, err = ucum.Parse(unit); err != nil {
					return err
				}
			}
			answers, missing := make([]codeAnswer, len(texts)), false
			for i, text := range texts {
				answers[i] = findCode(text, u, limit)
				missing = missing || len(answers[i].Found) == 0
			}
			var err error
			if c.json {
				err = c.printJSON(c.out, answers)
			} else {
				err = c.printCodes(answers)
			}
			if err == nil && missing {
				err = errSilent
			}
			return err
		},
	}
	cmd.Flags().StringVar(&unit, "unit", "", "UCUM unit the label is sent with; weighs the candidates")
	cmd.Flags().IntVar(&limit, "limit", 5, "most candidates for a text nobody knows")
	return cmd
}

func findCode(text string, u *ucum.Unit, limit int) codeAnswer {
	a := codeAnswer{Asked: text, Found: []foundCode{}}
	for _, t := range mdc.Find(text) {
		a.Found = append(a.Found, explainCode(t))
	}
	if len(a.Found) > 0 {
		return a
	}
	if right, form := mdc.LOINCForm(text); form {
		q, known := mdc.ByLOINC(text)
		switch {
		case known:
			f := foundCode{LOINC: text, Evidence: mdc.EvidenceOfLOINC(text)}
			f.quantity(q)
			f.English = q.Name
			a.Found = append(a.Found, f)
			return a
		case right != text:
			a.Right = right
			return a
		}
	}
	for _, n := range mdc.Nearest(text, u, limit) {
		a.Nearest = append(a.Nearest, nearCode{n.Term.RefID, n.Term.Name, n.Label, float64(n.Score) / 1000})
	}
	return a
}

func explainCode(t *mdc.Term) foundCode {
	f := foundCode{
		RefID: t.RefID, Code: t.Code, Kind: string(t.Kind), English: t.Name, German: t.German, French: t.French, LOINC: t.LOINC,
		Synonyms: t.Synonyms, Aliases: mdc.Aliases(t), Evidence: t.Evidence,
	}
	if t.Code != 0 {
		f.Term = fmt.Sprintf("%d:%d", t.Code>>16, t.Code&0xFFFF)
	}
	f.quantity(&t.Quantity)
	return f
}

// quantity fills in how something is measured.
func (f *foundCode) quantity(q *mdc.Quantity) {
	f.Profile = q.Profile
	for _, u := range q.Units {
		f.Units = append(f.Units, u.Code())
	}
	if q.Low != nil {
		f.Low = q.Low.String()
	}
	if q.High != nil {
		f.High = q.High.String()
	}
	for _, a := range q.Ages {
		f.Ages = append(f.Ages, ageLimit{a.From, a.Until, a.Low.String(), a.High.String()})
	}
}

func (c *program) printCodes(answers []codeAnswer) error {
	out := bufio.NewWriter(c.out)
	for i, a := range answers {
		if i > 0 {
			fmt.Fprintln(out)
		}
		for j, f := range a.Found {
			if j > 0 {
				fmt.Fprintln(out)
			}
			printCode(out, f)
		}
		if len(a.Found) > 0 {
			continue
		}
		if a.Right != "" {
			fmt.Fprintf(out, "%q has the form of a LOINC code, but not its check digit; did you mean %s?\n", a.Asked, a.Right)
			continue
		}
		fmt.Fprintf(out, "nothing is called %q", a.Asked)
		if len(a.Nearest) == 0 {
			fmt.Fprint(out, ", nor anything like it\n")
			continue
		}
		fmt.Fprint(out, "; most like it:\n")
		for _, n := range a.Nearest {
			fmt.Fprintf(out, "  %.2f  %-36s %s (%s)\n", n.Likeness, n.RefID, n.English, n.Alike)
		}
	}
	return out.Flush()
}

func printCode(out *bufio.Writer, f foundCode) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-9s %s\n", name, text)
		}
	}
	if f.RefID == "" {
		fmt.Fprintf(out, "%s\n", f.English)
	} else {
		fmt.Fprintf(out, "%s  %s\n", f.RefID, f.English)
		number := "none that was seen"
		if f.Code != 0 {
			number = fmt.Sprintf("%d (%s)", f.Code, f.Term)
		}
		line("number", number)
	}
	line("kind", f.Kind)
	line("german", f.German)
	line("french", f.French)
	loinc := f.LOINC
	if f.Profile != "" {
		loinc += ", FHIR vital sign " + f.Profile
	}
	line("LOINC", strings.TrimPrefix(loinc, ", "))
	line("unit", strings.Join(f.Units, ", "))
	line("possible", limits(f.Low, f.High))
	for _, a := range f.Ages {
		until := "and more"
		if a.UntilDays > 0 {
			until = fmt.Sprintf("to %d", a.UntilDays)
		}
		line("", fmt.Sprintf("%s at %d %s days of age", limits(a.Low, a.High), a.FromDays, until))
	}
	line("labels", strings.Join(f.Synonyms, ", "))
	line("older", strings.Join(f.Aliases, ", "))
	line("evidence", f.Evidence)
}

func limits(low, high string) string {
	switch {
	case low == "" && high == "":
		return ""
	case high == "":
		return "from " + low
	case low == "":
		return "up to " + high
	}
	return low + " to " + high
}
