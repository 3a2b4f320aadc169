package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var (
	inline = regexp.MustCompile("`(thalamus [^`]+)`")
	block  = regexp.MustCompile(`(?m)^\s*(?:source <\()?(?:\./|go run \./cmd/)?(thalamus [a-z][^#\n)>|]*)`)
	link   = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	quotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)
)

// placeholder gives what stands for something else a form that is taken.
var placeholder = strings.NewReplacer("\n", " ", "SEQ", "1", "ID", "1")

// papers are those that people type from.
func papers(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join("..", "..")
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/guide/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(text)
		}
	}
	return out
}

func TestPapersNameCommandsThatExist(t *testing.T) {
	seen := 0
	for name, text := range papers(t) {
		var lines []string
		for _, m := range append(inline.FindAllStringSubmatch(text, -1), block.FindAllStringSubmatch(text, -1)...) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			words := strings.Fields(placeholder.Replace(quotes.ReplaceAllString(line, "x")))[1:]
			c := &program{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
			root := c.root()
			cmd, rest, err := root.Find(words)
			if err == nil && cmd == root {
				err = cmd.ParseFlags(rest)
				if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
					t.Errorf("%s: there is no command for `%s`", name, line)
				}
			} else if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.HasSubCommands() && cmd != root && len(cmd.Flags().Args()) > 0 {
				t.Errorf("%s: there is no command for `%s`", name, line)
			}
			if err != nil && !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%s: `%s`: %v", name, line, err)
			}
			seen++
		}
	}
	if seen < 60 {
		t.Errorf("only %d commands were found in the papers", seen)
	}
}

func TestPapersLinkToWhatExists(t *testing.T) {
	for name, text := range papers(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := filepath.Join(filepath.Dir(name), m[1])
			page, err := os.ReadFile(target)
			if _, folder := os.Stat(target); folder != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
			if m[2] != "" && err == nil && !hasHeading(string(page), m[2][1:]) {
				t.Errorf("%s links to %s%s, which has no such heading", name, m[1], m[2])
			}
		}
	}
}

func hasHeading(page, anchor string) bool {
	for line := range strings.Lines(page) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			heading = regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			if strings.ReplaceAll(heading, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
