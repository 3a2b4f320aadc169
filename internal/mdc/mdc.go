package mdc

import (
	_ "embed"
	"strconv"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

//go:embed metrics.tsv
var metricText string

//go:embed terms.tsv
var termText string

//go:embed aliases.tsv
var aliasText string

//go:embed loinc.tsv
var loincText string

//go:embed curves.tsv
var curveText string

//go:embed ages.tsv
var ageText string

// Kind says what a term stands for.
type Kind string

const (
	Numeric     Kind = "numeric"     // a measured number
	Setting     Kind = "setting"     // a number somebody set
	Enumeration Kind = "enumeration" // a state or a text
	Waveform    Kind = "waveform"    // samples; a single number under it is a numeric
	Alert       Kind = "alert"       // an event or alarm condition
	Attribute   Kind = "attribute"   // tells about a device, a metric or an alert
	Device      Kind = "device"      // an MDS, VMD or channel
	Unit        Kind = "unit"        // a dimension
)

// Quantity is what is known of a code's values. It is immutable.
type Quantity struct {
	UCUM      string         // preferred units; empty: values stay in the unit sent
	Unit      *ucum.Unit     // the first of them
	Units     []*ucum.Unit   // where the quantity has several that cannot be converted: mg/dL and mmol/L
	Low, High *model.Decimal // what is possible at all, in Unit; nil: unbounded
	Ages      []AgeRange     // where age narrows that
	Profile   string         // FHIR vital signs profile: heartrate oxygensat bp …
	Name      string         // English
}

// Term is one row of metrics.tsv or terms.tsv. It is immutable.
type Term struct {
	Quantity
	RefID          string
	Code           uint32 // context-free: partition<<16 | term; 0 where the name has no number
	Kind           Kind
	LOINC          string // where evidence pairs the two
	German, French string // names; metrics only
	Synonyms       []string
	Evidence       string
}

// Meaning is the term as the code of an observation.
func (t *Term) Meaning() model.Code {
	return model.Code{MDC: t.Code, RefID: t.RefID, LOINC: t.LOINC, Name: t.Name}
}

// Metric says whether the term is something observed or set.
func (t *Term) Metric() bool {
	return t.Kind == Numeric || t.Kind == Setting || t.Kind == Enumeration || t.Kind == Waveform
}

type table struct {
	terms  []*Term
	refids map[string]*Term
	codes  map[uint32]*Term
	loincs map[string]*Quantity
	labels map[string]*Term   // folded names and synonyms of metrics
	words  []word             // the same, in order, for Nearest
	curves map[string][]*Term // what signals are called in files, folded
	units  map[string]*ucum.Unit
}

var loaded = load()

// load reads the tables; TestTables says what is wrong with a row that could
// not be read.
func load() *table {
	t := &table{refids: map[string]*Term{}, codes: map[uint32]*Term{}, loincs: map[string]*Quantity{}, labels: map[string]*Term{}, curves: map[string][]*Term{}, units: map[string]*ucum.Unit{}}
	for p := range rows(metricText, 13) {
		term := t.add(p[0], p[1], p[2], p[12], quantity(p[3], p[5], p[6], p[7], p[9]))
		term.LOINC, term.German, term.French = p[4], p[10], p[11]
		for s := range strings.SplitSeq(p[8], "; ") {
			if s != "" {
				term.Synonyms = append(term.Synonyms, s)
			}
		}
		t.label(term)
	}
	for p := range rows(termText, 8) {
		t.add(p[0], p[1], p[2], p[7], quantity(p[3], "", p[4], p[5], p[6]))
	}
	for p := range rows(aliasText, 3) {
		term := t.refids[p[1]]
		if term == nil {
			continue
		}
		if code, err := strconv.ParseUint(p[0], 10, 32); err == nil {
			t.codes[uint32(code)] = term
		} else {
			t.refids[p[0]] = term
		}
	}
	for p := range rows(loincText, 7) {
		q := quantity(p[1], p[2], p[3], p[4], p[5])
		t.loincs[p[0]] = &q
	}
	for p := range rows(ageText, 6) {
		for refid := range strings.FieldsSeq(p[0]) {
			if term := t.refids[refid]; term != nil {
				term.Ages = append(term.Ages, ageRange(p[1], p[2], p[3], p[4]))
			}
		}
	}
	for p := range rows(curveText, 3) {
		if term := t.refids[p[1]]; term != nil {
			t.curves[Fold(p[0])] = append(t.curves[Fold(p[0])], term)
		}
	}
	t.keepUnits()
	return t
}

func (t *table) add(refid, code, kind, evidence string, q Quantity) *Term {
	n, _ := strconv.ParseUint(code, 10, 32)
	term := &Term{Quantity: q, RefID: refid, Code: uint32(n), Kind: Kind(kind), Evidence: evidence}
	t.terms = append(t.terms, term)
	t.refids[refid] = term
	if term.Code != 0 {
		t.codes[term.Code] = term
	}
	return term
}

func quantity(unit, profile, low, high, name string) Quantity {
	q := Quantity{UCUM: unit, Profile: profile, Name: name, Low: decimal(low), High: decimal(high)}
	for one := range strings.FieldsSeq(unit) {
		if u, err := ucum.Parse(one); err == nil {
			q.Units = append(q.Units, u)
		}
	}
	if len(q.Units) > 0 {
		q.Unit = q.Units[0]
	}
	return q
}

// Fits says whether a value in u can be one of the quantity. A quantity
// without units fits every unit.
func (q *Quantity) Fits(u *ucum.Unit) bool {
	for _, preferred := range q.Units {
		if preferred == u {
			return true
		}
		if ucum.Commensurable(u, preferred) {
			return true
		}
	}
	return len(q.Units) == 0
}

func decimal(s string) *model.Decimal {
	if d, err := model.ParseDecimal(s); err == nil {
		return &d
	}
	return nil
}

// rows gives the rows of a table that have as many fields as they should.
func rows(text string, fields int) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			p := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
			if strings.HasPrefix(line, "# ") || len(p) != fields {
				continue
			}
			if !yield(p) {
				return
			}
		}
	}
}

// ByRefID finds a term by its name or an older name of it.
func ByRefID(refid string) (*Term, bool) {
	t, ok := loaded.refids[refid]
	return t, ok
}

// ByCode finds a term by its context-free number or an older number of it.
func ByCode(code uint32) (*Term, bool) {
	t, ok := loaded.codes[code]
	return t, ok
}

// ByLOINC tells what is known of a LOINC code.
func ByLOINC(code string) (*Quantity, bool) {
	q, ok := loaded.loincs[code]
	return q, ok
}

// Terms lists all terms in the order of the table.
func Terms() []*Term { return append([]*Term(nil), loaded.terms...) }

// Resolve finds the term of a coding: code is the number, or the refid as
// some senders have it; text is the refid. The refid wins (R15). disagree
// says that number and name are both known and name different terms, or the
// number given is not the one the table has.
func Resolve(code, text string) (t *Term, disagree, ok bool) {
	if t, ok := loaded.refids[text]; ok {
		n, isNumber := number(code)
		if isNumber && n != 0 && n != t.Code && loaded.codes[n] != t {
			return t, true, true
		}
		return t, false, true
	}
	if t, ok := loaded.refids[code]; ok {
		return t, false, true
	}
	n, isNumber := number(code)
	if !isNumber {
		return nil, false, false
	}
	t, ok = loaded.codes[n]
	if ok && strings.HasPrefix(text, "MDC") {
		// The sender's name is a refid, but not this term's: whom to believe?
		return nil, true, false
	}
	return t, false, ok
}

// OfCoding finds the term of a coding as it was sent. Numbers count only where
// the sender says that they are MDC; a refid speaks for itself.
func OfCoding(c model.Coding) (t *Term, disagree, ok bool) {
	switch {
	case c.System == "MDC" || strings.Contains(c.System, "11073"):
		return Resolve(c.Code, c.Text)
	case strings.HasPrefix(c.Text, "MDC"):
		return Resolve("", c.Text)
	case strings.HasPrefix(c.Code, "MDC"):
		return Resolve(c.Code, "")
	}
	return nil, false, false
}

// number reads a decimal code without allocating; "3:3072" is partition and term.
func number(s string) (uint32, bool) {
	if part, term, ok := strings.Cut(s, ":"); ok {
		p, ok1 := number(part)
		n, ok2 := number(term)
		return p<<16 | n, ok1 && ok2 && p < 1<<16 && n < 1<<16
	}
	if s == "" || len(s) > 9 {
		return 0, false
	}
	var n uint32
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint32(s[i]-'0')
	}
	return n, true
}

// Number reads a code as a context-free number.
func Number(s string) (uint32, bool) { return number(s) }
