package profile

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	paths "path"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/hl7time"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// FileName of a profile in its folder.
const FileName = "profile.yaml"

// Bounds of a profile's folder.
const (
	maxFile   = 4 << 20
	maxLabels = 20_000
	maxRules  = 2_000
)

// Parse reads the profile in dir of a file system and checks it wholly.
// Faults are Invalid and name file, line and column.
func Parse(files fs.FS, dir string) (*Profile, error) {
	name := paths.Join(dir, FileName)
	raw, err := read(files, name)
	if err != nil {
		return nil, err
	}
	keys, lines, err := conf.ParseYAML(name, raw)
	if err != nil {
		return nil, err
	}
	settings, ok := keys.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Invalid, "conf.wrong-type", "expected keys and values at the top").At(name + ":1:1")
	}
	p := &Profile{}
	at := func(err error) error {
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code == "profile.table" {
			return err
		}
		return f.At(lines.Position(f.Place) + ": " + f.Place)
	}
	if err := conf.Decode(settings, p); err != nil {
		return nil, at(err)
	}
	p.files = Files{FileName: string(raw)}
	sum := sha256.New()
	sum.Write(raw)
	if p.Table != "" {
		table, err := read(files, paths.Join(dir, p.Table))
		if err != nil {
			return nil, at(fault.Wrap(err, fault.Invalid, "profile.no-table", "the table cannot be read").At("table"))
		}
		sum.Write(table)
		p.files[p.Table] = string(table)
		if p.labels, err = parseTable(paths.Join(dir, p.Table), table); err != nil {
			return nil, err
		}
	}
	if p.AlertTable != "" {
		if p.AlertTable == p.Table {
			return nil, at(wrong("alert_table", "alarms have a table of their own, with other columns"))
		}
		table, err := read(files, paths.Join(dir, p.AlertTable))
		if err != nil {
			return nil, at(fault.Wrap(err, fault.Invalid, "profile.no-table", "the table cannot be read").At("alert_table"))
		}
		sum.Write(table)
		p.files[p.AlertTable] = string(table)
		if p.alarms, err = parseAlertTable(paths.Join(dir, p.AlertTable), table); err != nil {
			return nil, err
		}
	}
	p.digest = hex.EncodeToString(sum.Sum(nil))
	if err := p.check(); err != nil {
		return nil, at(err)
	}
	if p.cases, p.kept, err = readCases(files, paths.Join(dir, "cases")); err != nil {
		return nil, err
	}
	p.ref = p.Ref()
	return p, nil
}

// Digest is the SHA-256 of the profile and its table, in hex: equal digests
// read alike.
func (p *Profile) Digest() string { return p.digest }

// Files are profile.yaml and the table it names, by name, as they were read.
func (p *Profile) Files() Files { return maps.Clone(p.files) }

// Cases are the examples in the profile's folder.
func (p *Profile) Cases() []Case { return p.cases }

// CaseFiles are the files of the cases, by name: cases/first/input.hl7, with
// .base64 where the bytes are no plain text. Together with Files they are the
// whole profile.
func (p *Profile) CaseFiles() Files { return maps.Clone(p.kept) }

// Labels lists the rows of the table, sorted by label.
func (p *Profile) Labels() []Label {
	out := make([]Label, 0, len(p.labels))
	for _, k := range sortedKeys(p.labels) {
		out = append(out, *p.labels[k])
	}
	return out
}

// Ref is how messages name what they were read with: acme/vm200@3.
func (p *Profile) Ref() string {
	if p.ref != "" {
		return p.ref
	}
	return p.Name + "@" + strconv.Itoa(p.Version)
}

func read(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, fault.New(fault.Absent, "profile.no-file", "there is no such file").At(name)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Broken, "profile.no-file", "the file cannot be read").At(name)
	}
	if len(raw) > maxFile {
		return nil, fault.New(fault.Invalid, "profile.oversize", "the file is larger than %d bytes", maxFile).At(name)
	}
	return raw, nil
}

func wrong(place, text string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "profile.wrong", text, args...).At(place)
}

// check makes sure that nothing can go wrong later but the messages.
func (p *Profile) check() error {
	vendor, name, ok := strings.Cut(p.Name, "/")
	if !ok || !isID(vendor) || !isID(name) {
		return wrong("profile", "expected maker/model in small letters, digits, - and _, such as acme/vm200")
	}
	if p.Version < 1 {
		return wrong("version", "expected a whole number from 1 that counts up with every change")
	}
	if p.Title == "" {
		return wrong("title", "say in one line which device this is")
	}
	if !slices.Contains(codecs, p.Codec) {
		return wrong("codec", "expected one of %s", strings.Join(codecs, ", "))
	}
	if len(p.Evidence) == 0 {
		return wrong("evidence", "name at least one document that shows what this profile claims")
	}
	for i, e := range p.Evidence {
		if e.Document == "" {
			return wrong(fmt.Sprintf("evidence[%d].document", i), "name the document")
		}
	}
	a := &p.AppliesTo
	if len(a.Manufacturer)+len(a.Model)+len(a.Sender)+len(a.Type)+len(a.Channel)+len(a.Topic) == 0 && a.When == "" {
		return wrong("applies_to", "say whose messages are meant: manufacturer and model, sender, type, channel, topic or when")
	}
	for i, filter := range a.Topic {
		if !model.TopicName(filter, true) {
			return wrong(fmt.Sprintf("applies_to.topic[%d]", i), "'+' stands for one level and '#' for all that follow; each stands alone between slashes, '#' is the last")
		}
	}
	var f *fault.Fault
	if p.range_, f = parseRange(a.Software); f != nil {
		return f.At("applies_to.software")
	}
	if f := compileInto(a.When, &p.when); f != nil {
		return f.At("applies_to.when")
	}
	if key, expected := p.Line.Wrong(); key != "" {
		return wrong("line."+key, "%s", expected)
	}
	if err := p.checkTime(); err != nil {
		return err
	}
	if n := len(p.Observe) + len(p.Derive) + len(p.Quirks) + len(p.Alerts); n > maxRules {
		return wrong("observe", "the profile has %d rules, at most %d are read", n, maxRules)
	}
	p.lists = sortedKeys(p.Enumerations)
	for i := range p.Observe {
		if err := p.checkObserve(&p.Observe[i], fmt.Sprintf("observe[%d]", i)); err != nil {
			return err
		}
	}
	p.common = len(p.Observe)+len(p.Alerts) == 0
	for i := range p.Observe {
		p.common = p.common || len(p.Observe[i].Each) == 0
	}
	for i := range p.Alerts {
		if err := p.checkAlert(&p.Alerts[i], fmt.Sprintf("alerts[%d]", i)); err != nil {
			return err
		}
		p.common = p.common || len(p.Alerts[i].Each) == 0
	}
	for i := range p.Derive {
		if err := checkDerive(&p.Derive[i], fmt.Sprintf("derive[%d]", i)); err != nil {
			return err
		}
	}
	for i := range p.Quirks {
		if err := checkQuirk(&p.Quirks[i], fmt.Sprintf("quirks[%d]", i)); err != nil {
			return err
		}
	}
	for _, k := range sortedKeys(p.labels) {
		if m := p.labels[k].Meaning; m != "" && p.Enumerations[m] == nil {
			return wrong("table", "label %q is read by the enumeration %q, which the profile lacks", p.labels[k].Label, m)
		}
	}
	return nil
}

func isID(s string) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != "" && s[0] != '.'
}

// Form is how the device writes times in messages whose form a standard tells,
// and the standard's own is not meant: empty where nothing is said. Documents
// are read by their profile itself, and the times of bedside protocols are
// made of bytes.
func (p *Profile) Form() string {
	if p.Codec == "hl7v2" || p.Codec == "astm" {
		return p.Time.Format
	}
	return ""
}

func (p *Profile) checkTime() error {
	if !p.isDocument() && len(p.Time.From) > 0 {
		return wrong("time.from", "a standard tells where the times of %s stand; say time.format if the device writes them in another way", p.Codec)
	}
	if z := p.Time.Zone; z != "" && z != "register" {
		if _, err := time.LoadLocation(z); err != nil {
			return wrong("time.zone", "unknown time zone; write it as Europe/Berlin, or register")
		}
	}
	if c := p.Time.Correct; c != "none" && c != "offset" {
		return wrong("time.correct", "expected none or offset")
	}
	var f *fault.Fault
	if err := hl7time.CheckFormat(p.Time.Format); errors.As(err, &f) {
		return wrong("time.format", "%s", f.Text)
	}
	return nil
}

// codecs are what a profile may be for: messages whose form a standard tells,
// and documents, json and csv, whose form the profile itself tells.
var codecs = []string{"hl7v2", "astm", "poct1a", "intellivue", "medibus", "masimo", "nonin", "dri", "json", "csv"}

// isDocument says that the profile reads its documents itself.
func (p *Profile) isDocument() bool { return p.Codec == "json" || p.Codec == "csv" }

func (p *Profile) checkObserve(o *Observe, place string) error {
	document := p.isDocument()
	if document && len(o.Value) == 0 && len(o.Samples) == 0 && o.Compute == "" {
		return wrong(place, "say which field is the value")
	}
	if !document && (o.Match != "" || o.Compute != "" || len(o.Each)+len(o.Needs)+len(o.Device)+len(o.Patient) > 0) {
		return wrong(place, "each, match, needs, compute, device and patient are for json and csv; elsewhere the rows are the message's observations")
	}
	if o.Compute != "" && len(o.Value)+len(o.Samples) > 0 {
		return wrong(place+".compute", "the value is told twice: take compute or the field away")
	}
	switch {
	case len(o.Label) == 0 && o.Code == "" && document:
		return wrong(place, "say by label or code what is observed")
	case len(o.Label) > 0 && p.Table == "" && document:
		return wrong(place+".label", "labels need a table to be looked up in; name it with the key table")
	case o.Code != "":
		if err := checkCode(o.Code); err != nil {
			return err.At(place + ".code")
		}
	}
	for _, u := range o.Unit {
		if u.literal {
			if _, err := ucum.Parse(u.text); err != nil {
				return wrong(place+".unit", "%q is no UCUM unit", u.text)
			}
		}
	}
	if o.Meaning != "" && p.Enumerations[o.Meaning] == nil {
		return wrong(place+".meaning", "there is no such enumeration; known here: %s", strings.Join(p.lists, ", "))
	}
	if len(o.Samples) > 0 && len(o.Rate) == 0 {
		return wrong(place+".rate", "samples need a rate")
	}
	for _, e := range []struct {
		key    string
		source string
		to     **guard
	}{{"when", o.When, &o.when}, {"setting", o.Setting, &o.setting}, {"simulated", o.Simulate, &o.simulated}, {"compute", o.Compute, &o.compute}} {
		err := compileInto(e.source, e.to)
		if err == nil && !document { // the fields of a document are whatever it has
			err = (*e.to).ask(askable)
		}
		if err != nil {
			return err.At(place + "." + e.key)
		}
	}
	var f *fault.Fault
	if o.match, f = parseMatch(o.Match); f != nil {
		return f.At(place + ".match")
	}
	return nil
}

// parseMatch reads a condition as in a path's filter; none is nil.
func parseMatch(text string) (*filter, *fault.Fault) {
	if text == "" {
		return nil, nil
	}
	r := reader{s: text}
	match := r.either()
	if r.space(); r.err == nil && r.at < len(r.s) {
		r.fail("what follows is no part of a condition")
	}
	return match, r.err
}

func compileInto(source string, to **guard) *fault.Fault {
	if source == "" {
		return nil
	}
	g, err := compile(source)
	*to = g
	return err
}

func checkDerive(d *Derive, place string) error {
	if err := checkCode(d.Code); err != nil {
		return err.At(place + ".code")
	}
	if _, err := ucum.Parse(d.Unit); err != nil {
		return wrong(place+".unit", "%q is no UCUM unit; 1 stands for none", d.Unit)
	}
	if d.Digits < 0 || d.Digits > 9 {
		return wrong(place+".digits", "expected 0 to 9 decimal places")
	}
	if d.Value == "" {
		return wrong(place+".value", "say how the value is derived")
	}
	for _, e := range []struct {
		key    string
		source string
		to     **guard
	}{{"value", d.Value, &d.value}, {"when", d.When, &d.when}} {
		err := compileInto(e.source, e.to)
		if err == nil {
			err = (*e.to).ask([]string{"v"})
		}
		if err != nil {
			return err.At(place + "." + e.key)
		}
	}
	return nil
}

// settable are the fields that a quirk may change.
var settable = []string{"absent", "label", "setting", "simulated", "status", "time", "unit", "value"}

func checkQuirk(q *Quirk, place string) error {
	if !isID(q.ID) {
		return wrong(place+".id", "give the quirk a short name in small letters")
	}
	if q.Says == "" || q.Evidence == "" {
		return wrong(place, "say what the device does (says) and where that was seen (evidence)")
	}
	err := compileInto(q.When, &q.when)
	if err == nil {
		err = q.when.ask(askable)
	}
	if err != nil {
		return err.At(place + ".when")
	}
	if q.when == nil {
		return wrong(place+".when", "say when it happens")
	}
	if len(q.Set) == 0 {
		return wrong(place+".set", "say which field becomes what")
	}
	for _, field := range sortedKeys(q.Set) {
		if !slices.Contains(settable, field) {
			return conf.UnknownKey(field, settable).At(place + ".set." + field)
		}
		c := change{field: field}
		err := compileInto(q.Set[field], &c.value)
		if err == nil {
			err = c.value.ask(askable)
		}
		if err != nil {
			return err.At(place + ".set." + field)
		}
		if c.value == nil {
			return wrong(place+".set."+field, "expected an expression; null stands for nothing")
		}
		q.set = append(q.set, c)
	}
	return nil
}

// checkCode tells whether a code is one of our table.
func checkCode(code string) *fault.Fault {
	if _, ok := meaning(code); !ok {
		return fault.New(fault.Invalid, "profile.unknown-code", "%q is neither an MDC refid nor a LOINC code of the table; `thalamus code find` searches it", code)
	}
	return nil
}

// meaning is the code of our table that an MDC refid or LOINC code names.
func meaning(code string) (model.Code, bool) {
	if t, ok := mdc.ByRefID(code); ok {
		return t.Meaning(), true
	}
	if q, ok := mdc.ByLOINC(code); ok {
		return model.Code{LOINC: code, Name: q.Name}, true
	}
	return model.Code{}, false
}

// readCases reads cases/<name>/input.* and expected.jsonl.
func readCases(files fs.FS, dir string) ([]Case, Files, error) {
	kept := Files{}
	folders, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, nil, nil // no cases: profile check says so
	}
	var out []Case
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		c := Case{Name: f.Name()}
		inside, err := fs.ReadDir(files, paths.Join(dir, f.Name()))
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Broken, "profile.no-file", "the case cannot be read").At(paths.Join(dir, f.Name()))
		}
		for _, e := range inside {
			raw, err := read(files, paths.Join(dir, f.Name(), e.Name()))
			if err != nil {
				return nil, nil, err
			}
			name, isEncoded := strings.CutSuffix(e.Name(), encoded)
			if isEncoded {
				if raw, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw))); err != nil {
					return nil, nil, fault.New(fault.Invalid, "profile.case", "the file is no base64").At(paths.Join(dir, f.Name(), e.Name()))
				}
			}
			name, text := asText(paths.Join("cases", f.Name(), name), raw)
			kept[name] = text
			switch {
			case strings.HasPrefix(e.Name(), "input."):
				c.Input = raw
			case strings.TrimSuffix(e.Name(), encoded) == "expected.jsonl":
				c.Expected = raw
			}
		}
		if c.Input == nil {
			return nil, nil, fault.New(fault.Invalid, "profile.case", "the case has no input.hl7, input.json or input.csv").At(paths.Join(dir, f.Name()))
		}
		out = append(out, c)
	}
	return out, kept, nil
}
