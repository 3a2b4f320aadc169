package mdc

import (
	_ "embed"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/ucum"
)

//go:embed sources.tsv
var sourceText string

// checkDigit is LOINC's: Luhn over the digits before the hyphen.
func checkDigit(code string) bool {
	body, digit, ok := strings.Cut(code, "-")
	if !ok || len(digit) != 1 {
		return false
	}
	sum, double := 0, true
	for i := len(body) - 1; i >= 0; i-- {
		n := int(body[i] - '0')
		if double {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum, double = sum+n, !double
	}
	return strconv.Itoa((10-sum%10)%10) == digit
}

// lines gives all rows of a table and complains of those without the number
// of fields that the head says.
func lines(t *testing.T, name, text string) [][]string {
	t.Helper()
	var out [][]string
	fields := 0
	for line := range strings.Lines(text) {
		p := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "# ") {
			fields = len(p)
			continue
		}
		if len(p) != fields {
			t.Errorf("%s: %d fields, want %d: %q", name, len(p), fields, line)
			continue
		}
		for _, f := range p {
			if strings.TrimSpace(f) != f {
				t.Errorf("%s: blank at the edge of %q", name, f)
			}
		}
		out = append(out, p)
	}
	return out
}

func sorted(t *testing.T, name string, rows [][]string, key func([]string) string) {
	t.Helper()
	for i := 1; i < len(rows); i++ {
		if key(rows[i-1]) >= key(rows[i]) {
			t.Errorf("%s: %s stands behind %s", name, rows[i][0], rows[i-1][0])
		}
	}
}

// R14, R15: every row can be read, has evidence, stands once and in order;
// its units are UCUM and its LOINC codes have the right check digit.
func TestTables(t *testing.T) {
	kinds := map[Kind]bool{Numeric: true, Setting: true, Enumeration: true, Waveform: true, Alert: true, Attribute: true, Device: true, Unit: true}
	metrics, terms := lines(t, "metrics.tsv", metricText), lines(t, "terms.tsv", termText)
	sorted(t, "metrics.tsv", metrics, func(p []string) string { return p[0] })
	sorted(t, "terms.tsv", terms, func(p []string) string { return p[2] + " " + p[0] })
	refids, codes := map[string]bool{}, map[string]string{}
	row := func(refid, code, kind, units, low, high, name, evidence string) {
		if refids[refid] {
			t.Errorf("%s twice", refid)
		}
		refids[refid] = true
		if other := codes[code]; code != "0" && other != "" {
			t.Errorf("%s: %s and %s", code, other, refid)
		}
		codes[code] = refid
		if !strings.HasPrefix(refid, "MDC_") && !strings.HasPrefix(refid, "MDCX_") || !kinds[Kind(kind)] || name == "" || evidence == "" {
			t.Errorf("wrong row: %s %s %q %q", refid, kind, name, evidence)
		}
		if _, err := strconv.ParseUint(code, 10, 32); err != nil {
			t.Errorf("%s: %v", refid, err)
		}
		checkUnits(t, refid, units)
		term := loaded.refids[refid]
		if low != "" && term.Low == nil || high != "" && term.High == nil {
			t.Errorf("%s: range %q to %q", refid, low, high)
		}
		if term.Low != nil && term.High != nil && term.Low.Float64() >= term.High.Float64() {
			t.Errorf("%s: range %s to %s", refid, low, high)
		}
	}
	for _, p := range metrics {
		row(p[0], p[1], p[2], p[3], p[6], p[7], p[9], p[12])
		term := loaded.refids[p[0]]
		if !term.Metric() || p[10] == "" || p[11] == "" {
			t.Errorf("%s: kind %s, names %q %q", p[0], p[2], p[10], p[11])
		}
		if p[4] == "" {
			continue
		}
		q, ok := loaded.loincs[p[4]]
		if !ok {
			t.Errorf("%s: %s is not in loinc.tsv", p[0], p[4])
			continue
		}
		for _, u := range q.Units {
			if !term.Fits(u) {
				t.Errorf("%s: %s is measured in %s, not in %s", p[0], p[4], q.UCUM, term.UCUM)
			}
		}
		if q.Profile != term.Profile {
			t.Errorf("%s: profile %q, of %s %q", p[0], term.Profile, p[4], q.Profile)
		}
	}
	for _, p := range terms {
		row(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7])
		if loaded.refids[p[0]].Metric() {
			t.Errorf("%s belongs in metrics.tsv", p[0])
		}
	}
	if n := len(metrics) + len(terms); n != len(loaded.terms) {
		t.Errorf("%d rows, %d terms", n, len(loaded.terms))
	}
	aliases := lines(t, "aliases.tsv", aliasText)
	sorted(t, "aliases.tsv", aliases, func(p []string) string { return p[0] })
	for _, p := range aliases {
		if loaded.refids[p[1]] == nil || refids[p[0]] || codes[p[0]] != "" || p[2] == "" {
			t.Errorf("wrong alias: %q", p)
		}
	}
	loincs := lines(t, "loinc.tsv", loincText)
	sorted(t, "loinc.tsv", loincs, func(p []string) string { return p[0] })
	for _, p := range loincs {
		if !checkDigit(p[0]) || p[5] == "" || p[6] == "" {
			t.Errorf("wrong row in loinc.tsv: %q", p)
		}
		checkUnits(t, p[0], p[1])
	}
	for _, p := range lines(t, "ages.tsv", ageText) {
		for refid := range strings.FieldsSeq(p[0]) {
			term, low, high := loaded.refids[refid], decimal(p[3]), decimal(p[4])
			if term == nil || low == nil || high == nil || term.Low == nil || low.Float64() < term.Low.Float64() || term.High != nil && high.Float64() > term.High.Float64() {
				t.Errorf("ages.tsv: %s %s to %s", refid, p[3], p[4])
			}
		}
		from, ok := days(p[1])
		until, ok2 := days(p[2])
		if !ok || p[2] != "" && (!ok2 || until <= from) {
			t.Errorf("ages.tsv: %q to %q", p[1], p[2])
		}
	}
	if len(metrics) < 250 {
		t.Errorf("%d metrics", len(metrics))
	}
	t.Logf("%d metrics, %d other terms, %d aliases, %d LOINC codes, %d labels", len(metrics), len(terms), len(aliases), len(loincs), len(loaded.words))
}

// checkUnits wants UCUM, and several units only where none can be converted
// into another.
func checkUnits(t *testing.T, row, units string) {
	t.Helper()
	var all []*ucum.Unit
	for one := range strings.FieldsSeq(units) {
		u, err := ucum.Parse(one)
		if err != nil {
			t.Errorf("%s: %v", row, err)
			continue
		}
		for _, other := range all {
			if _, err := ucum.Between(u, other); err == nil {
				t.Errorf("%s: %s and %s can be converted; one is enough", row, other.Code(), u.Code())
			}
		}
		all = append(all, u)
	}
}

// R15: no two rows claim one label.
func TestLabelsAreClaimedOnce(t *testing.T) {
	claimed := map[string]*Term{}
	for _, term := range Terms() {
		if !term.Metric() {
			continue
		}
		own := map[string]bool{}
		for i, s := range term.labels() {
			f := Fold(s)
			if f == "" {
				t.Errorf("%s: %q is no label", term.RefID, s)
			}
			if other := claimed[f]; other != nil && other != term {
				t.Errorf("%q: %s and %s", s, other.RefID, term.RefID)
			}
			if i > 3 && own[f] {
				t.Errorf("%s: %q says nothing new", term.RefID, s)
			}
			claimed[f], own[f] = term, true
		}
	}
	for refid := range loaded.refids {
		if other := claimed[Fold(refid)]; other != nil && other != loaded.refids[refid] {
			t.Errorf("%s is a label of %s", refid, other.RefID)
		}
	}
}

// R15: all evidence is of a source that sources.tsv explains, and where the
// corpus has what it names, the term is really in there.
func TestEvidence(t *testing.T) {
	var known []string
	for _, p := range lines(t, "sources.tsv", sourceText) {
		known = append(known, p[0])
	}
	c := openCorpus(t)
	count := 0
	check := func(refid, code, evidence string) {
		count++
		for part := range strings.SplitSeq(evidence, "; ") {
			part = strings.TrimPrefix(part, "LOINC: ")
			ok := false
			for _, k := range known {
				ok = ok || strings.HasPrefix(part, k)
			}
			if !ok {
				t.Errorf("%s: nobody knows the source of %q", refid, part)
			}
			c.check(t, refid, code, part)
		}
	}
	for p := range rows(metricText, 13) {
		check(p[0], p[1], p[12])
	}
	for p := range rows(termText, 8) {
		check(p[0], p[1], p[7])
	}
	for p := range rows(aliasText, 3) {
		check(p[0], p[0], p[2])
	}
	for p := range rows(loincText, 7) {
		check(p[0], p[0], p[6])
	}
	for p := range rows(curveText, 3) {
		check(p[1], p[0], p[2])
	}
	t.Logf("%d rows with evidence; %d pieces were looked up in the corpus", count, c.looked)
}

// corpus is what of the evidence is at hand; empty without the corpus.
type corpus struct {
	messages           map[string]string // file name to content
	observed, examples map[string]bool   // numbers
	rosetta            map[string]bool   // names
	antidote           map[string]string // name to term number
	looked             int
}

func openCorpus(t *testing.T) *corpus {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	c := &corpus{messages: map[string]string{}, observed: map[string]bool{}, examples: map[string]bool{}, rosetta: map[string]bool{}, antidote: map[string]string{}}
	for _, p := range []string{"hl7v2-devices/*", "hl7v2-syntax/extracted/*"} {
		files, _ := filepath.Glob(filepath.Join(dir, p))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil {
				c.messages[filepath.Base(f)] = string(b)
			}
		}
	}
	for _, r := range table2(dir, "mdc-codes-observed-in-messages.csv") {
		c.observed[r[0]+" "+r[1]] = true
	}
	for _, r := range table2(dir, "mdc-codes-in-fhir-examples.csv") {
		c.examples[r[0]] = true
	}
	for _, r := range table2(dir, "openice-rosetta-refids.csv") {
		c.rosetta[r[0]] = true
	}
	for _, r := range table2(dir, "antidote-nomenclature.csv") {
		c.antidote[r[0]] = r[1]
	}
	if len(c.messages) == 0 {
		t.Log("corpus not present: only the form of the evidence is checked")
	}
	return c
}

func table2(dir, name string) [][]string {
	f, err := os.Open(filepath.Join(dir, "ieee11073/derived-tables", name))
	if err != nil {
		return nil
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil || len(records) == 0 {
		return nil
	}
	return records[1:]
}

// check looks one piece of evidence up.
func (c *corpus) check(t *testing.T, refid, code, part string) {
	t.Helper()
	if len(c.messages) == 0 {
		return
	}
	found := func(ok bool) {
		c.looked++
		if !ok {
			t.Errorf("%s %s is not in %q", refid, code, part)
		}
	}
	n, _ := strconv.Atoi(code)
	switch {
	case strings.HasPrefix(part, "message "), strings.HasPrefix(part, "older number; message "), strings.HasPrefix(part, "older name; message "):
		_, name, _ := strings.Cut(part, "message ")
		name, _, _ = strings.Cut(name, " ")
		name = strings.Trim(name, ",;.")
		files, holds := 0, false
		for file, content := range c.messages {
			if strings.HasPrefix(file, name) {
				files++
				holds = holds || strings.Contains(content, code) || strings.Contains(content, refid)
			}
		}
		if files > 0 {
			found(holds)
			return
		}
		if strings.Contains(part, "__") && n > 0 { // a capture of which the corpus keeps the codes
			found(c.observed[code+" "+refid])
		}
	case strings.HasPrefix(part, "HL7 PHD/POCD guide example"):
		found(c.examples[code])
	case strings.HasPrefix(part, "OpenICE IntelliVue ObservedValue + Rosetta list") && !strings.HasPrefix(refid, "1"), part == "Rosetta list":
		found(c.rosetta[refid])
	case strings.HasPrefix(part, "antidote nomenclature"):
		found(c.antidote[refid] == strconv.Itoa(n&0xFFFF))
	}
}

// Every code the corpus saw in messages has a row, or is one of those nobody
// could place.
func TestCorpusCodes(t *testing.T) {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	records := table2(dir, "mdc-codes-observed-in-messages.csv")
	if records == nil {
		t.Skip("corpus not present")
	}
	missing := 0
	for _, r := range records {
		if _, _, ok := Resolve(r[0], r[1]); !ok {
			missing++
			t.Logf("no row for %s %s", r[0], r[1])
		}
	}
	t.Logf("%d/%d codes seen in messages have a row", len(records)-missing, len(records))
	if missing > 8 {
		t.Errorf("%d codes of the corpus have no row", missing)
	}
}

// TestTermIsOfItsRefID: the table has one term of each name, so that who has a
// term need not look its name up.
func TestTermIsOfItsRefID(t *testing.T) {
	for _, term := range Terms() {
		if found, ok := ByRefID(term.RefID); !ok || found != term {
			t.Errorf("%q is another term", term.RefID)
		}
	}
}
