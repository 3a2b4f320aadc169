package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"thalamus/internal/fault"
)

// Boot is the boot file: only what is needed to start. Everything governed
// (channels, routes, destinations, accounts) lives in the store and is changed
// with `thalamus apply` or in the console.
type Boot struct {
	Data    string  `yaml:"data" default:"./thalamus-data" doc:"folder that holds everything Thalamus keeps"`
	Site    Site    `yaml:"site"`
	Console Console `yaml:"console"`
	Journal Journal `yaml:"journal"`
	Record  Record  `yaml:"record"`
	Log     Log     `yaml:"log"`
}

// Site is the hospital or department.
type Site struct {
	Name string `yaml:"name" default:"Thalamus" doc:"name shown in the console"`
	Zone string `yaml:"zone" default:"UTC" doc:"IANA time zone of device times that name none, e.g. Europe/Berlin"`
	// Authority is for R13: devices that send a bare number mean the site's own.
	Authority string `yaml:"authority" doc:"assigning authority of patient numbers that are sent without one, as the patient administration writes it (PID-3.4); empty keeps such numbers apart from all others"`
}

// Console is the one HTTPS listener: console, API, metrics, health.
type Console struct {
	Listen      string        `yaml:"listen" default:"127.0.0.1:8443" doc:"address of console, API and metrics"`
	Names       []string      `yaml:"names" default:"localhost,127.0.0.1,::1" doc:"names and addresses the own certificate is made for"`
	Certificate string        `yaml:"certificate" doc:"PEM file with the certificate chain; empty: the program's own authority makes one"`
	Key         string        `yaml:"key" doc:"PEM file with the private key of the certificate"`
	Idle        time.Duration `yaml:"idle" default:"30m" doc:"a session ends after this long without use"`
}

// Journal settings.
type Journal struct {
	Segment   int64         `yaml:"segment" default:"64MiB" doc:"size at which a new segment begins"`
	Keep      time.Duration `yaml:"keep" default:"2160h" doc:"how long segments are kept (90 days); held segments stay"`
	Floor     int64         `yaml:"floor" default:"256MiB" doc:"free disk space below which frames are refused with AE or CE instead of running the disk full"`
	Encrypted bool          `yaml:"encrypted" default:"false" doc:"encrypt payloads with a key per segment; the master key lies in keys/journal.key"`
}

// Record settings.
type Record struct {
	Workers int `yaml:"workers" default:"0" doc:"parallel decoders; 0: one per processor"`
	Batch   int `yaml:"batch" default:"256" doc:"most entries in one transaction"`
}

// Log settings.
type Log struct {
	Level  string `yaml:"level" default:"info" doc:"debug, info, warn or error"`
	Format string `yaml:"format" default:"text" doc:"text or json"`
}

// Check implements Checker.
func (b *Boot) Check() error {
	if _, _, err := net.SplitHostPort(b.Console.Listen); err != nil {
		return fault.New(fault.Invalid, "conf.address", "expected host:port, for example 127.0.0.1:8443").At("console.listen")
	}
	if _, err := time.LoadLocation(b.Site.Zone); err != nil {
		return fault.New(fault.Invalid, "conf.zone", "unknown time zone %q; use an IANA name such as Europe/Berlin", b.Site.Zone).At("site.zone")
	}
	if (b.Console.Certificate == "") != (b.Console.Key == "") {
		return fault.New(fault.Invalid, "conf.certificate", "certificate and key belong together: give both or neither").At("console.certificate")
	}
	if b.Journal.Segment < 1<<20 || b.Journal.Segment > 1<<32 {
		return fault.New(fault.Invalid, "conf.range", "expected between 1MiB and 4GiB").At("journal.segment")
	}
	switch b.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return fault.New(fault.Invalid, "conf.range", "expected debug, info, warn or error").At("log.level")
	}
	if b.Log.Format != "text" && b.Log.Format != "json" {
		return fault.New(fault.Invalid, "conf.range", "expected text or json").At("log.format")
	}
	return nil
}

// Default gives the boot configuration without a file.
func Default() Boot {
	var b Boot
	_ = Decode(nil, &b) // the defaults are checked by a test
	return b
}

// Load reads the boot file. Errors name file, line and key.
func Load(path string) (Boot, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Boot{}, fault.New(fault.Absent, "conf.no-file", "there is no such configuration file; `thalamus serve --sample` prints one to start from").At(path)
	case err != nil:
		return Boot{}, fault.Wrap(err, fault.Invalid, "conf.unreadable", "cannot read the configuration file").At(path)
	}
	var b Boot
	if err := DecodeYAML(path, text, &b); err != nil {
		return Boot{}, err
	}
	if !filepath.IsAbs(b.Data) && !strings.HasPrefix(b.Data, ".") {
		b.Data = filepath.Join(filepath.Dir(path), b.Data)
	}
	return b, nil
}

// DecodeYAML fills the struct pointed to by into from a YAML text; name stands
// in errors, which give name:line: key.
func DecodeYAML(name string, text []byte, into any) error {
	doc, lines, err := ParseYAML(name, text)
	if err != nil {
		return err
	}
	settings, ok := doc.(map[string]any)
	if doc == nil {
		settings, ok = map[string]any{}, true
	}
	if !ok {
		return fault.New(fault.Invalid, "conf.wrong-type", "expected keys and values at the top").At(name + ":1")
	}
	return lines.Place(Decode(settings, into))
}

// Lines knows where in a text each key stands.
type Lines struct {
	name string
	at   map[string]position
}

type position struct{ line, column int } // from 1

// Line of a key's path ("console.listen", "channels[2].driver"); the nearest
// enclosing key's when the path itself does not stand in the text, at least 1.
func (l Lines) Line(path string) int { return l.find(path).line }

// Position gives name:line:column of a key's path, as editors jump to it.
func (l Lines) Position(path string) string {
	p := l.find(path)
	return fmt.Sprintf("%s:%d:%d", l.name, p.line, p.column)
}

func (l Lines) find(path string) position {
	for path != "" {
		if p, ok := l.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return position{1, 1}
}

func (l Lines) put(path string, t *token.Token) {
	l.at[path] = position{t.Position.Line, t.Position.Column}
}

// Place puts file and line before a fault's place.
func (l Lines) Place(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err
	}
	return f.At(fmt.Sprintf("%s:%d: %s", l.name, l.Line(f.Place), f.Place))
}

// ParseYAML reads a YAML text into maps, lists and scalars, and tells where
// each key stands. Anchors and aliases are refused: they can blow up.
func ParseYAML(name string, text []byte) (any, Lines, error) {
	lines := Lines{name: name, at: map[string]position{}}
	if err := checkShape(name, text); err != nil {
		return nil, lines, err
	}
	// YAML 1.2.2 §5.4: line breaks are one, however they are written. The
	// parser would count CRLF as two lines.
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var line int
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			line = syntax.GetToken().Position.Line
			return nil, lines, fault.New(fault.Invalid, "conf.syntax", "not YAML: %s", syntax.GetMessage()).At(fmt.Sprintf("%s:%d", name, line))
		}
		return nil, lines, fault.New(fault.Invalid, "conf.syntax", "not YAML").At(name)
	}
	if len(file.Docs) > 1 {
		return nil, lines, fault.New(fault.Invalid, "conf.syntax", "more than one YAML document; keep one").At(name)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, lines, nil
	}
	walk := &walker{lines: lines}
	v := walk.value(file.Docs[0].Body, "", 0)
	if walk.err != nil {
		return nil, lines, lines.Place(walk.err)
	}
	return v, lines, nil
}

type walker struct {
	lines Lines
	err   error
}

func (w *walker) fail(path, code, text string, args ...any) any {
	if w.err == nil {
		w.err = fault.New(fault.Invalid, code, text, args...).At(path)
	}
	return nil
}

func (w *walker) value(n ast.Node, path string, depth int) any {
	if depth > 32 {
		return w.fail(path, "conf.syntax", "nested deeper than 32 levels")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		m := make(map[string]any, len(n.Values))
		for _, v := range n.Values {
			w.pair(m, v, path, depth)
		}
		return m
	case *ast.MappingValueNode:
		m := map[string]any{}
		w.pair(m, n, path, depth)
		return m
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for i, v := range n.Values {
			place := fmt.Sprintf("%s[%d]", path, i)
			w.lines.put(place, v.GetToken())
			list = append(list, w.value(v, place, depth+1))
		}
		return list
	case *ast.NullNode:
		return nil
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return number(strings.TrimSpace(n.GetToken().Value))
	case *ast.TagNode, *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return w.fail(path, "conf.syntax", "tags, anchors and aliases are not used here; write the value out")
	default:
		return w.fail(path, "conf.syntax", "a %s is not expected here", n.Type())
	}
}

// number gives an int64 or float64 where that loses nothing of the text, else
// the text: an id written 0123 stays 0123.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == text {
		return f
	}
	return text
}

func (w *walker) pair(m map[string]any, v *ast.MappingValueNode, path string, depth int) {
	key := v.Key.GetToken().Value
	place := join(path, key)
	w.lines.put(place, v.Key.GetToken())
	if _, twice := m[key]; twice {
		w.fail(place, "conf.twice", "the key stands twice; keep one")
		return
	}
	m[key] = w.value(v.Value, place, depth+1)
}

// Sample prints a commented sample of a settings struct with its defaults.
func Sample(settings any) string {
	var b strings.Builder
	group := ""
	for _, k := range Describe(settings) {
		g, name, nested := strings.Cut(k.Path, ".")
		indent := ""
		if nested {
			if g != group {
				fmt.Fprintf(&b, "%s:\n", g)
				group = g
			}
			indent = "  "
		} else {
			name = g
		}
		value := k.Default
		if k.Type == "list" {
			value = "[" + strings.ReplaceAll(strings.ReplaceAll(value, ",", ", "), "::1", `"::1"`) + "]"
		} else if k.Type == "text" && value == "" {
			value = `""`
		}
		fmt.Fprintf(&b, "%s# %s\n%s%s: %s\n", indent, k.Doc, indent, name, value)
	}
	return b.String()
}
