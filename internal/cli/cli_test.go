package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

func walk(c *cobra.Command, each func(c *cobra.Command)) {
	each(c)
	for _, sub := range c.Commands() {
		walk(sub, each)
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	c := &program{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	root := c.root()
	walk(root, func(cmd *cobra.Command) {
		if cmd.Name() == "help" {
			return
		}
		if cmd.Short == "" {
			t.Errorf("`%s` does not say what it is for", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && !strings.Contains(cmd.Example, "thalamus "+strings.TrimPrefix(cmd.CommandPath(), "thalamus ")) {
			t.Errorf("`%s` has no example of itself: %q", cmd.CommandPath(), cmd.Example)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("`%s --%s` does not say what it is for", cmd.CommandPath(), f.Name)
			}
			for _, secret := range []string{"password", "secret", "token"} {
				if f.Name == secret {
					t.Errorf("`%s --%s` puts a secret on the command line", cmd.CommandPath(), f.Name)
				}
			}
		})
	})
	for _, name := range []string{"serve", "demo", "simulate", "decode", "convert", "journal", "entry", "device", "channel", "route", "destination", "deadletter", "replay",
		"audit", "user", "token", "bench", "torture", "export", "diff", "apply", "version", "completion"} {
		if find(root, name) == nil {
			t.Errorf("there is no command %s", name)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for line, want := range map[string]int{
		"version":                         exitDone,
		"help serve":                      exitDone,
		"decode nofile":                   exitFailed,
		"device list --data /nowhere":     exitFailed,
		"devise":                          exitUsage,
		"device get":                      exitUsage,
		"convert --to pdf x":              exitUsage,
		"message search --limit many":     exitUsage,
		"version --jsno":                  exitUsage,
		"profile check /nowhere":          exitUsage,
		"profile test cli_test.go":        exitUsage,
		"profile diff - ge/vc151 x":       exitUsage,
		"profile check ge/vc150":          exitDone,
		"reference --check /nowhere":      exitFailed,
		"completion bash --no-such":       exitUsage,
		"journal verify --data /nowhere":  exitFailed,
		"export --server https://nowhere": exitFailed,
	} {
		var out, errOut bytes.Buffer
		if got := Run(context.Background(), "test", strings.Fields(line), strings.NewReader(""), &out, &errOut); got != want {
			t.Errorf("%s: %d, want %d\n%s", line, got, want, errOut.String())
		}
		if want == exitDone && errOut.Len() > 0 || want != exitDone && errOut.Len() == 0 {
			t.Errorf("%s: standard error %q", line, errOut.String())
		}
	}
}

// What programs read is written so that they can: JSON as JSON, a text of lines
// as its lines.
func TestTextsForPrograms(t *testing.T) {
	type file struct {
		Name string          `json:"name"`
		File json.RawMessage `json:"file"`
	}
	for want, v := range map[string]any{
		"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n":            service.Calendar{Text: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		"name  a\n\nfile\n{\n  \"b\": [\n    1\n  ]\n}\n": file{"a", json.RawMessage(`{"b":[1]}`)},
		"text  one line\n":                                service.Calendar{Text: "one line"},
	} {
		var b strings.Builder
		if err := printText(&b, v, 0); err != nil || b.String() != want {
			t.Errorf("%q, want %q; %v", b.String(), want, err)
		}
	}
}

func TestTablesFit(t *testing.T) {
	columns := [][]string{{"ID", "a", "b"}, {"REASON", "the receiver did not answer in time", "näher 本日は晴天なり"}, {"N", "1", "22"}}
	var b strings.Builder
	if err := writeColumns(&b, columns, 20); err != nil {
		t.Fatal(err)
	}
	want := "ID  REASON        N\na   the receive…  1\nb   näher 本日…   22\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for line := range strings.Lines(b.String()) {
		if textWidth(strings.TrimRight(line, "\n")) > 20 {
			t.Errorf("too wide: %q", line)
		}
	}
	b.Reset()
	if err := writeColumns(&b, columns, 0); err != nil || strings.Contains(b.String(), "…") {
		t.Errorf("cut without need:\n%s", b.String())
	}
}

func TestMessagesAreShownWithTheirValues(t *testing.T) {
	low := model.Decimal{Coef: 3}
	m := model.Message{
		Observations: []model.Observation{{Field: "OBX[1]", Code: model.Code{Name: "Heart rate"}, Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 72}}, UnitUCUM: "/min"}},
		Waveforms:    []model.Waveform{{Field: "OBX[2]"}, {Field: "OBX[3]", Low: &low}},
	}
	var b strings.Builder
	if err := printText(&b, m, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Heart rate", "72", "/min", "OBX[3]"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, b.String())
		}
	}
}
