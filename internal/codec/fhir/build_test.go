package fhir

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/model"
)

func parsed(t testing.TB, bundle []byte) *Node {
	t.Helper()
	n, err := Parse(bundle, Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, bundle)
	}
	return n
}

// each gives the resources of a bundle with their entries.
func each(n *Node) func(func(entry, resource *Node) bool) {
	return func(yield func(entry, resource *Node) bool) {
		entries := n.Get("entry")
		for i := range entries.Len() {
			if !yield(entries.At(i), entries.At(i).Get("resource")) {
				return
			}
		}
	}
}

// whole checks what every bundle must keep: each fullUrl once, every
// reference to an entry leads to one, nothing conditional on nothing.
func whole(t testing.TB, n *Node) {
	t.Helper()
	urls := map[string]bool{}
	for e := range each(n) {
		url := e.Get("fullUrl").Text()
		if url == "" || urls[url] {
			t.Errorf("fullUrl %q is empty or stands twice", url)
		}
		urls[url] = true
		method, target := e.Get("request", "method").Text(), e.Get("request", "url").Text()
		switch {
		case method == "POST" && e.Get("request", "ifNoneExist").Text() != "":
		case method == "PUT" && strings.ContainsAny(target, "?/"):
		default:
			t.Errorf("%s %s has a second effect when it is sent again", method, target)
		}
	}
	var walk func(n *Node)
	walk = func(n *Node) {
		for i := range n.Len() {
			if v := n.At(i); n.Name(i) == "reference" && !urls[v.Text()] {
				t.Errorf("reference %q leads nowhere", v.Text())
			}
			walk(n.At(i))
		}
	}
	walk(n)
}

func TestBundlesAreWhole(t *testing.T) {
	for _, folder := range cases(t) {
		for _, most := range []int{0, 5, 7} {
			for _, tr := range Transactions(messagesOf(t, folder), Options{MaxEntries: most}) {
				n := parsed(t, tr.JSON)
				whole(t, n)
				if n.Get("entry").Len() != tr.Entries {
					t.Errorf("%s: says %d entries, has %d", folder, tr.Entries, n.Get("entry").Len())
				}
				if tr.Creates+tr.Updates != tr.Entries {
					t.Errorf("%s: %d + %d != %d", folder, tr.Creates, tr.Updates, tr.Entries)
				}
			}
		}
	}
}

// TestSplit: small transactions say the same as a large one.
func TestSplit(t *testing.T) {
	list := messagesOf(t, "testdata/vital-signs")
	identifiers := func(most int) map[string]int {
		found := map[string]int{}
		for _, tr := range Transactions(list, Options{MaxEntries: most}) {
			if most > 0 && tr.Entries > most {
				t.Errorf("%d entries, at most %d", tr.Entries, most)
			}
			for _, r := range each(parsed(t, tr.JSON)) {
				if r.Get("resourceType").Text() == "Observation" {
					found[r.Get("identifier").At(0).Get("value").Text()]++
				}
			}
		}
		return found
	}
	want := identifiers(0)
	for _, most := range []int{5, 6, 8, 20} {
		got := identifiers(most)
		if len(got) != len(want) {
			t.Errorf("with %d entries: %d Observations, want %d", most, len(got), len(want))
		}
		for id, n := range got {
			if n != 1 || want[id] != 1 {
				t.Errorf("with %d entries: %s %d times", most, id, n)
			}
		}
	}
}

// TestIdentity: the same message has the same identifiers wherever and
// whenever it is journalled; another message has others.
func TestIdentity(t *testing.T) {
	ids := func(change func(*model.Message)) string {
		list := messagesOf(t, "testdata/vital-signs")
		change(list[0])
		var all []string
		for _, r := range each(parsed(t, Bundle(list, Options{}))) {
			if r.Get("resourceType").Text() == "Observation" {
				all = append(all, r.Get("identifier").At(0).Get("value").Text())
			}
		}
		if len(all) == 0 {
			t.Fatal("no Observations")
		}
		return strings.Join(all, " ")
	}
	plain := ids(func(*model.Message) {})
	for name, same := range map[string]func(*model.Message){
		"recorded anew":      func(m *model.Message) { m.Ref.Seq = 99; m.Arrived = m.Arrived.AddDate(0, 0, 1) },
		"another value read": func(m *model.Message) { m.Observations[0].Value.Number.Coef++ },
		"a better code":      func(m *model.Message) { m.Observations[0].Code.LOINC = "" },
		"another channel":    func(m *model.Message) { m.Channel = "second way" },
	} {
		if ids(same) != plain {
			t.Errorf("%s: other identifiers", name)
		}
	}
	for name, other := range map[string]func(*model.Message){
		"control id": func(m *model.Message) { m.ControlID = "x" },
		"sender":     func(m *model.Message) { m.Sender.Application = "x" },
		"time":       func(m *model.Message) { m.DeviceTime.Original = "x" },
		"patient":    func(m *model.Message) { m.Patient.Identifiers[0].Value = "x" },
	} {
		if ids(other) == plain {
			t.Errorf("another %s: same identifiers", name)
		}
	}
	// Who was found for a message may be corrected; it stays the same message.
	nobody := ids(func(m *model.Message) { m.Patient = nil })
	for name, found := range map[string]*model.Patient{
		"by ADT":            {ID: "pat-a", FromADT: true, Identifiers: []model.Identifier{{Value: "A", System: "HOSP"}}},
		"another by ADT":    {ID: "pat-b", FromADT: true, Identifiers: []model.Identifier{{Value: "B", System: "HOSP"}}},
		"connected by scan": {ID: "pat-a", FoundBy: "scan", Identifiers: []model.Identifier{{Value: "A", System: "HOSP"}}},
	} {
		if got := ids(func(m *model.Message) { m.Patient = found }); got != nobody {
			t.Errorf("a patient found %s: other identifiers than with nobody", name)
		}
	}
	// Without a control id two messages cannot be told apart by what they say.
	nameless := func(seq model.Seq) string {
		return ids(func(m *model.Message) { m.ControlID = ""; m.Ref.Seq = seq })
	}
	if nameless(1) == nameless(2) {
		t.Error("two messages without a control id are one")
	}
}

// TestProfilesKept: what claims a profile has the code and the unit it fixes.
func TestProfilesKept(t *testing.T) {
	for _, folder := range cases(t) {
		bundle := Bundle(messagesOf(t, folder), Options{})
		for _, r := range each(parsed(t, bundle)) {
			profile, ok := strings.CutPrefix(r.Get("meta", "profile").At(0).Text(), profileBase)
			if !ok {
				continue
			}
			v := &bp
			for i := range vitals {
				if vitals[i].profile == profile {
					v = &vitals[i]
				}
			}
			if v.profile != profile {
				t.Errorf("%s claims %s", folder, profile)
			}
			if c := r.Get("code", "coding").At(0); c.Get("code").Text() != v.loinc || c.Get("system").Text() != systemLOINC {
				t.Errorf("%s: %s without its code", folder, profile)
			}
			if q := r.Get("valueQuantity"); q != nil && !v.takes(q.Get("code").Text()) {
				t.Errorf("%s: %s in %s", folder, profile, q.Get("code").Text())
			}
		}
	}
}

func twentyValues() []*model.Message {
	m := &model.Message{
		Ref: model.MessageRef{Seq: 4711}, Codec: "hl7v2", Type: "ORU^R01^ORU_R01", ControlID: "MON-4711", Sender: model.Party{Application: "MON", ApplicationID: "00A0370098007A80"},
		Patient: &model.Patient{Identifiers: []model.Identifier{{Value: "T-1", System: "Hospital", Type: "MR"}}, Family: "Sample", Given: []string{"Ada"}},
		Devices: []model.Device{{Identifiers: []model.Identifier{{Value: "00A0370098007A80", Type: "EUI-64"}}, Model: "VM-200", Parent: -1}},
	}
	m.DeviceTime.UTC = m.DeviceTime.UTC.AddDate(2025, 10, 20)
	m.DeviceTime.Original = "20261121000000+0000"
	m.Arrived = m.DeviceTime.UTC
	codes := []model.Code{
		{MDC: 147842, RefID: "MDC_ECG_HEART_RATE", LOINC: "8867-4", Name: "Heart rate (ECG)"},
		{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2", LOINC: "2708-6", Name: "Oxygen saturation (pulse oximetry)"},
		{MDC: 151562, RefID: "MDC_RESP_RATE", LOINC: "9279-1", Name: "Respiratory rate"},
		{MDC: 150488, RefID: "MDC_BLD_PERF_INDEX", Name: "Perfusion index"},
	}
	units := []string{"/min", "%", "/min", "%"}
	for i := range 20 {
		c := codes[i%4]
		m.Observations = append(m.Observations, model.Observation{
			Field: fmt.Sprintf("OBX[%d]", i+1), SubID: fmt.Sprintf("1.%d.1.%d", i/4+1, i+1), Received: model.Coding{Code: fmt.Sprint(c.MDC), Text: c.RefID, System: "MDC"},
			Code: c, Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: int64(700 + i), Exp: -1}}, UnitUCUM: units[i%4],
			DeviceTime: m.DeviceTime, Status: model.StatusFinal,
		})
	}
	return []*model.Message{m}
}

func TestTwentyValues(t *testing.T) {
	n := parsed(t, Bundle(twentyValues(), Options{}))
	whole(t, n)
	if n.Get("entry").Len() != 20+20+3 {
		t.Error(n.Get("entry").Len(), "entries")
	}
}

func BenchmarkBundle(b *testing.B) {
	list := twentyValues()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(Bundle(list, Options{}))
	}
	b.SetBytes(int64(n))
}

func BenchmarkParse(b *testing.B) {
	text := Bundle(twentyValues(), Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStandardParse(b *testing.B) {
	text := Bundle(twentyValues(), Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}
