package mdc

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/ucum"
)

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

// R15: every row can be read, has evidence, and stands once.
func TestTable(t *testing.T) {
	kinds := map[Kind]bool{Numeric: true, Setting: true, Enumeration: true, Waveform: true, Alert: true, Attribute: true, Device: true, Unit: true}
	refids, codes := map[string]bool{}, map[string]string{}
	count := 0
	for line := range strings.Lines(termText) {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		p := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(p) != 10 {
			t.Errorf("%d fields: %q", len(p), line)
			continue
		}
		count++
		if refids[p[0]] {
			t.Errorf("%s twice", p[0])
		}
		refids[p[0]] = true
		if other := codes[p[1]]; p[1] != "0" && other != "" {
			t.Errorf("%s: %s and %s", p[1], other, p[0])
		}
		codes[p[1]] = p[0]
		if !strings.HasPrefix(p[0], "MDC_") && !strings.HasPrefix(p[0], "MDCX_") || !kinds[Kind(p[2])] || p[8] == "" || p[9] == "" {
			t.Errorf("wrong row: %q", line)
		}
		if _, err := strconv.ParseUint(p[1], 10, 32); err != nil {
			t.Errorf("%s: %v", p[0], err)
		}
		for one := range strings.FieldsSeq(p[3]) {
			if _, err := ucum.Parse(one); err != nil {
				t.Errorf("%s: %v", p[0], err)
			}
		}
		if p[4] != "" {
			if _, ok := loaded.loincs[p[4]]; !ok {
				t.Errorf("%s: %s is not in loinc.tsv", p[0], p[4])
			}
		}
		term := loaded.refids[p[0]]
		if p[6] != "" && term.Low == nil || p[7] != "" && term.High == nil {
			t.Errorf("%s: range %q to %q", p[0], p[6], p[7])
		}
	}
	if count != len(loaded.terms) {
		t.Errorf("%d rows, %d terms", count, len(loaded.terms))
	}
	for line := range strings.Lines(aliasText) {
		p := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if len(p) != 3 || loaded.refids[p[1]] == nil || refids[p[0]] || codes[p[0]] != "" || p[2] == "" {
			t.Errorf("wrong alias: %q", line)
		}
	}
	for line := range strings.Lines(loincText) {
		p := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if len(p) != 7 || !checkDigit(p[0]) || p[5] == "" || p[6] == "" {
			t.Errorf("wrong row in loinc.tsv: %q", line)
		}
		if q := loaded.loincs[p[0]]; p[1] != "" && (q == nil || q.Unit == nil) {
			t.Errorf("%s: unit %q", p[0], p[1])
		}
	}
	t.Logf("%d terms, %d aliases, %d LOINC codes", len(loaded.terms), loaded.aliases, len(loaded.loincs))
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		code, text, want string
		disagree         bool
	}{
		{"150456", "MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_SAT_O2", false},
		{"6", "MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_SAT_O2", true},
		{"0", "MDC_ATTR_SAMP_RATE", "MDC_ATTR_SAMP_RATE", false},
		{"68165", "MDC_ATTR_EVENT_PHASE", "MDC_ATTR_EVENT_PHASE", false},
		{"68481", "MDC_ATTR_EVENT_PHASE", "MDC_ATTR_EVENT_PHASE", false},
		{"68165", "", "MDC_ATTR_EVENT_PHASE", false},
		{"131329", "MDC_ECG_LEAD_I", "MDC_ECG_ELEC_POTL_I", false},
		{"150456", "SpO2", "MDC_PULS_OXIM_SAT_O2", false},
		{"MDC_RESP_RATE", "", "MDC_RESP_RATE", false},
		{"2:16770", "", "MDC_ECG_HEART_RATE", false},
		{"150456", "MDC_SOMETHING_ELSE", "", true},
		{"149522", "MDC_PULS_RATE", "MDC_PULS_RATE", true},
		{"123456", "nothing", "", false},
		{"", "", "", false},
	} {
		term, disagree, ok := Resolve(c.code, c.text)
		got := ""
		if ok {
			got = term.RefID
		}
		if got != c.want || disagree != c.disagree {
			t.Errorf("%s^%s = %q, %v; want %q, %v", c.code, c.text, got, disagree, c.want, c.disagree)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Resolve("150456", "MDC_PULS_OXIM_SAT_O2"); Resolve("68165", "") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every code the corpus saw in messages or guides has a row, or is one of
// those nobody could place.
func TestCorpusCodes(t *testing.T) {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	f, err := os.Open(filepath.Join(dir, "ieee11073/derived-tables/mdc-codes-observed-in-messages.csv"))
	if err != nil {
		t.Skip("corpus not present")
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, r := range records[1:] {
		if _, _, ok := Resolve(r[0], r[1]); !ok {
			missing++
			t.Logf("no row for %s %s", r[0], r[1])
		}
	}
	if missing > 8 {
		t.Errorf("%d codes of the corpus have no row", missing)
	}
}

func BenchmarkResolve(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Resolve("150456", "MDC_PULS_OXIM_SAT_O2")
	}
}
