package normalise_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/ucum"
	"thalamus/profiles"
)

// world is a set of things that are known beside a message, with the decoder
// that goes with it.
type world struct {
	decoder *decode.Stage
	context normalise.Context
}

// worlds are those before and after people brought profiles and labels in
// force and said where the site is.
func worlds(t testing.TB) (bare, full world) {
	shipped, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	force := make([]profile.InForce, len(shipped))
	for i, p := range shipped {
		force[i] = profile.InForce{Profile: p}
	}
	set, err := profile.NewSet(force)
	if err != nil {
		t.Fatal(err)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	labels := normalise.NewLabels([]normalise.VersionedLabel{
		{Label: model.Label{ID: "a", Label: "Blorp", Code: "MDC_PULS_RATE", UCUM: "/min"}, Version: 1},
		{Label: model.Label{ID: "b", Label: "MyTemp", Code: "MDC_TEMP"}, Version: 2},
	})
	known := map[string][]mdc.Candidate{} // remembered, as in the server
	near := func(label string, u *ucum.Unit) []mdc.Candidate {
		key := label
		if u != nil {
			key += "\n" + u.Code()
		}
		found, ok := known[key]
		if !ok {
			found = mdc.Nearest(label, u, normalise.Candidates)
			known[key] = found
		}
		return found
	}
	all := decode.New(append(builtin.Codecs(), decode.Documents(set)...)...)
	return world{all, normalise.Context{Nearest: near}}, world{all, normalise.Context{Site: paris, Profiles: set, Labels: labels, Nearest: near}}
}

// strange makes messages out of everything that normalise looks at: all terms
// under their number, name, LOINC and labels, all their units and wrong ones,
// numbers at the edges, markers, texts, statuses, times of many forms.
func strange(r *rand.Rand) []byte {
	terms := mdc.Terms()
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	var b strings.Builder
	stamp := func() string {
		return pick("", "20260131120000", "20260131120000+0100", "20260329023000", "20261025023000", "202601311200", "19700101000007", "20360207", "what?", "20260131120000.123-0500")
	}
	fmt.Fprintf(&b, "MSH|^~\\&|%s|%s|||%s||ORU^R01^ORU_R01|1|P|2.6\rPID|||1^^^H^MR||A^B||%s|F\rPV1||I|ICU^1^3\r", pick("X", "VS8", "b40", "iPlum"), pick("", "Mindray"), pick("20260131120000+0100", "20260131120000", ""), pick("", "1970", "20260129", "19500101"))
	for order := range 1 + r.IntN(2) {
		fmt.Fprintf(&b, "OBR|%d|||X|||%s|%s\r", order+1, stamp(), stamp())
		for i := range r.IntN(30) {
			t := terms[r.IntN(len(terms))]
			code, unit := strconv.FormatUint(uint64(t.Code), 10), "%"
			if len(t.Units) > 0 {
				unit = t.Units[r.IntN(len(t.Units))].Code()
			}
			label := t.Name
			if len(t.Synonyms) > 0 {
				label = t.Synonyms[r.IntN(len(t.Synonyms))]
			}
			label = strings.NewReplacer("|", "", "^", "", "~", "", "&", "", `\`, "").Replace(label)
			what := pick(code+"^"+t.RefID+"^MDC", code+"^"+t.RefID+"^MDC", t.RefID+"^"+t.RefID+"^MDC", "1^"+t.RefID+"^MDC", t.LOINC+"^"+t.Name+"^LN", "V1^"+label+"^L", "V2^Blorp^L", "V3^MyTemp^L", "V4^nobody knows^L", "8867-5^wrong digit^LN", "^^")
			value := pick("72", "37.0", "0", "-5", "32767", "2047", "1e3", "999999999999", "---", "NaN", "12 to 15", "<5", "a text", "", strconv.Itoa(r.IntN(300)))
			sent := pick(unit+"^^UCUM", unit+"^^UCUM", "^"+unit, "264864^MDC_DIM_BEAT_PER_MIN^MDC", "[degF]^^UCUM", "mmHg", "bpm", "furlong", "")
			fmt.Fprintf(&b, "OBX|%d|%s|%s|1.%d.1.%d|%s|%s||%s|||%s|||%s\r", i+1, pick("NM", "NM", "ST", "SN", "CWE", "TS", ""), what, order, i, value, sent, pick("", "", "H", "INV", "NAV", "DEMO"), pick("F", "R", "C", "X", "D", ""), stamp())
		}
	}
	return []byte(b.String())
}

// inputs are strange messages and what the shipped profiles are for.
func inputs(t testing.TB, each func(name string, e model.Entry)) {
	entry := func(codec string, raw []byte) model.Entry {
		return model.Entry{Seq: 1, Frame: model.Frame{Channel: "ward", Codec: codec, Arrived: time.Date(2026, 1, 31, 12, 0, 1, 0, time.UTC), Bytes: raw}}
	}
	shipped, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range shipped {
		for _, c := range p.Cases() {
			each(p.Name+" "+c.Name, entry(p.Codec, c.Input))
		}
	}
	for seed := range uint64(150) {
		each(fmt.Sprint("seed ", seed), entry("hl7v2", strange(rand.New(rand.NewPCG(seed, 1)))))
	}
}

func (w world) read(e model.Entry) []model.Message {
	out := w.decoder.Decode(e, codec.Context{Site: w.context.Site})
	for i := range out {
		normalise.Normalise(&out[i], w.context)
	}
	return out
}

// apart shows where two texts begin to differ.
func apart(got, want string) string {
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	from := max(0, n-300)
	return "got  …" + got[from:min(len(got), n+300)] + "\nwant …" + want[from:min(len(want), n+300)]
}

func said(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// R12 to R17: the same bytes and the same knowledge give the same meaning;
// normalising again changes nothing; and what was normalised with yesterday's
// knowledge and then with today's means what today's alone says.
func TestSameMeaning(t *testing.T) {
	bare, full := worlds(t)
	n, learnt := 0, 0
	var met meaning
	inputs(t, func(name string, e model.Entry) {
		for _, w := range []world{bare, full} {
			want := said(t, w.read(e))
			if got := said(t, w.read(e)); got != want {
				t.Fatalf("%s: not deterministic\n%s", name, apart(got, want))
			}
			again := w.read(e)
			for i := range again {
				normalise.Normalise(&again[i], w.context)
			}
			if got := said(t, again); got != want {
				t.Fatalf("%s: not idempotent\n%s", name, apart(got, want))
			}
		}
		// Derived observations are made of a profile, which only full has; so
		// the way leads from bare to full, as when a profile comes in force.
		want := said(t, full.read(e))
		later := bare.read(e)
		met.add(later)
		if said(t, later) != want {
			learnt++
		}
		for i := range later {
			normalise.Normalise(&later[i], full.context)
		}
		if got := said(t, later); got != want {
			t.Fatalf("%s: depends on what was known before\n%s", name, apart(got, want))
		}
		n++
	})
	t.Logf("%d inputs, %d of which mean something else with more knowledge: %+v", n, learnt, met)
	// What is the same because nothing was read proves nothing.
	if n < 150+20 || learnt < n/2 || met.Coded < 1000 || met.Converted < 200 || met.Absent < 100 || met.Issues < 1000 || met.Timed < 500 || met.Alerts < 5 || met.Simulated < 20 {
		t.Errorf("too little was met: %d inputs, %d learnt, %+v", n, learnt, met)
	}
}

// meaning counts what messages say, so that properties are known to have been
// tried on it.
type meaning struct{ Coded, Converted, Absent, Simulated, Timed, Alerts, Issues int }

func (met *meaning) add(messages []model.Message) {
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	for i := range messages {
		m := &messages[i]
		met.Alerts += len(m.Alerts)
		met.Issues += len(m.Issues)
		for k := range m.Observations {
			o := &m.Observations[k]
			count(&met.Coded, o.Code.Key() != "")
			count(&met.Converted, o.ValueSent != nil)
			count(&met.Absent, o.Absent != "")
			count(&met.Simulated, o.Simulated)
			count(&met.Timed, !o.DeviceTime.UTC.IsZero())
		}
	}
}

// What an observation means does not depend on those beside it: in any order,
// and alone, it says the same, and the same is wrong with the message.
func TestOrderOfObservations(t *testing.T) {
	bare, full := worlds(t)
	r := rand.New(rand.NewPCG(4, 4))
	c := clinical.New()
	moved := 0
	var met meaning
	inputs(t, func(name string, e model.Entry) {
		if e.Codec != "hl7v2" {
			return
		}
		for _, w := range []world{bare, full} {
			straight := c.Decode(e, codec.Context{})
			for i := range straight {
				m := &straight[i]
				shuffled := *m
				shuffled.Observations, shuffled.Issues = slices.Clone(m.Observations), slices.Clone(m.Issues)
				r.Shuffle(len(shuffled.Observations), func(a, b int) {
					moved++
					shuffled.Observations[a], shuffled.Observations[b] = shuffled.Observations[b], shuffled.Observations[a]
				})
				normalise.Normalise(m, w.context)
				normalise.Normalise(&shuffled, w.context)
				met.add([]model.Message{shuffled})
				if got, want := sorted(t, shuffled.Observations), sorted(t, m.Observations); got != want {
					t.Fatalf("%s: another order, another meaning\n%s", name, apart(got, want))
				}
				if got, want := wrong(&shuffled), wrong(m); got != want {
					t.Fatalf("%s: another order, other issues\n got %s\nwant %s", name, got, want)
				}
			}
		}
	})
	t.Logf("%d observations moved: %+v", moved, met)
	if moved < 2000 || met.Coded < 1000 || met.Converted < 200 || met.Issues < 1000 {
		t.Errorf("too little was met: %d observations moved, %+v", moved, met)
	}
}

func sorted(t *testing.T, all []model.Observation) string {
	lines := make([]string, len(all))
	for i := range all {
		lines[i] = said(t, all[i])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// wrong lists the codes of a message's issues, each with what it is about;
// where is that of the first that had it.
func wrong(m *model.Message) string {
	var lines []string
	for _, i := range m.Issues {
		if i.Code == "normalise.more-issues" {
			return i.Code // which ones are listed is a matter of order
		}
		lines = append(lines, i.Code)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
