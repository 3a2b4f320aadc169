package flow

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// Reader reads entries as the way does, up to what they mean: the stages
// decode and normalise with given profiles. It is pure, so a profile can be
// tried on anything that was ever received.
type Reader struct {
	Decode  *decode.Stage
	Codec   codec.Context
	Meaning normalise.Context
}

// NewReader makes a reader of the codecs in the binary and a set of profiles.
func NewReader(codecs []codec.Codec, profiles *profile.Set) Reader {
	all := append(append([]codec.Codec{}, codecs...), decode.Documents(profiles)...)
	return Reader{Decode: decode.New(all...), Meaning: normalise.Context{Profiles: profiles}}
}

// Read gives the messages of an entry with what they mean.
func (r Reader) Read(e model.Entry) []model.Message {
	out := r.Decode.Decode(e, r.Codec)
	for i := range out {
		normalise.Normalise(&out[i], r.Meaning)
	}
	return out
}

// Said is one thing that messages say, in short: what cases of profiles expect
// and dry runs compare. One line of JSON each.
type Said struct {
	Patient   string `json:"patient,omitempty"` // the first identifier
	Device    string `json:"device,omitempty"`  // maker model serial
	Field     string `json:"field,omitempty"`
	Code      string `json:"code,omitempty"` // MDC refid or LOINC; a label nobody knows stands in brackets
	Value     string `json:"value,omitempty"`
	Unit      string `json:"unit,omitempty"`
	Time      string `json:"time,omitempty"` // UTC, RFC 3339
	Absent    string `json:"absent,omitempty"`
	Simulated bool   `json:"simulated,omitempty"`
	Setting   bool   `json:"setting,omitempty"`
	Samples   int    `json:"samples,omitempty"` // of a waveform
	Alert     string `json:"alert,omitempty"`   // phase; "told" where a report names none
	ID        string `json:"id,omitempty"`      // of an alert
	Source    string `json:"source,omitempty"`  // what an alert is about
	State     string `json:"state,omitempty"`   // of an alert
	Muted     string `json:"muted,omitempty"`   // of an alert
	Priority  string `json:"priority,omitempty"`
	Kind      string `json:"kind,omitempty"` // of an alert
	Onset     string `json:"onset,omitempty"`
	Issue     string `json:"issue,omitempty"` // code
}

// Say lists what messages say, in the order of their parts.
func Say(messages []model.Message) []Said {
	var out []Said
	for i := range messages {
		m := &messages[i]
		patient := ""
		if m.Patient != nil && len(m.Patient.Identifiers) > 0 {
			patient = m.Patient.Identifiers[0].Value
		}
		device := func(i int) string {
			if i < 0 || i >= len(m.Devices) {
				return ""
			}
			d := &m.Devices[i]
			id := d.Serial
			if id == "" && len(d.Identifiers) > 0 {
				id = d.Identifiers[0].Value
			}
			return strings.Join(strings.Fields(d.Manufacturer+" "+d.Model+" "+id), " ")
		}
		for j := range m.Observations {
			o := &m.Observations[j]
			out = append(out, Said{Patient: patient, Device: device(o.Device), Field: o.Field, Code: codeOr(o.Code, o.Received), Value: valueText(o.Value),
				Unit: o.UnitUCUM, Time: timeText(o.DeviceTime), Absent: o.Absent, Simulated: o.Simulated, Setting: o.Setting})
		}
		for j := range m.Waveforms {
			w := &m.Waveforms[j]
			out = append(out, Said{Patient: patient, Device: device(w.Device), Field: w.Field, Code: codeOr(w.Code, w.Received), Unit: w.UnitUCUM,
				Time: timeText(w.DeviceTime), Simulated: w.Simulated, Samples: len(w.Samples)})
		}
		for j := range m.Alerts {
			a := &m.Alerts[j]
			out = append(out, alertSaid(a, patient, device(a.Device)))
		}
		for j := range m.AlertLists {
			out = append(out, Said{Patient: patient, Device: device(m.AlertLists[j].Device), Alert: "complete list", ID: m.AlertLists[j].Name})
		}
		for j := range m.Issues {
			out = append(out, Said{Field: m.Issues[j].Field, Issue: m.Issues[j].Code})
		}
	}
	return out
}

func alertSaid(a *model.Alert, patient, device string) Said {
	phase := a.Phase
	switch {
	case a.Heartbeat:
		phase = "heartbeat"
	case phase == "":
		phase = "told"
	}
	source := a.Source.Key()
	if source == "" && a.Source.Name != "" {
		source = "[" + a.Source.Name + "]"
	}
	return Said{Patient: patient, Device: device, Field: a.Field, Code: codeOr(a.Code, a.Received), Value: a.Text, Time: timeText(a.DeviceTime), Simulated: a.Simulated,
		Alert: phase, ID: a.ID, Source: source, State: a.State, Muted: a.Muted, Priority: a.Priority, Kind: a.Kind, Onset: timeText(a.Onset)}
}

func codeOr(c model.Code, sent model.Coding) string {
	if key := c.Key(); key != "" {
		return key
	}
	if sent.Text != "" {
		return "[" + sent.Text + "]"
	}
	return "[" + sent.Code + "]"
}

func valueText(v model.Value) string {
	switch v.Kind {
	case model.ValueNumber:
		return v.Comparator + v.Number.String()
	case model.ValueRange:
		return v.Number.String() + ".." + v.High.String()
	case model.ValueRatio:
		return v.Number.String() + ":" + v.High.String()
	case model.ValueCoded:
		if v.Coding.Text != "" {
			return v.Coding.Text
		}
		return v.Coding.Code
	case model.ValueTime:
		return timeText(v.Timestamp())
	}
	return v.Text
}

func timeText(t model.Timestamp) string {
	if t.UTC.IsZero() {
		return ""
	}
	return t.UTC.UTC().Format(time.RFC3339Nano)
}

// Lines writes what was said as JSON lines.
func Lines(said []Said) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range said {
		_ = enc.Encode(said[i]) // texts and truths alone: nothing can fail
	}
	return b.Bytes()
}

// CaseResult is how one case of a profile came out.
type CaseResult struct {
	Case     string       `json:"case"`
	OK       bool         `json:"ok"`
	Got      []byte       `json:"-"`
	Problems []Difference `json:"problems,omitempty"`
}

// Difference is one line that is not as expected.
type Difference struct {
	Line     int    `json:"line"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
}

// caseArrived is when cases arrive: zones and plausible times depend on it.
var caseArrived = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// Try reads a profile's cases with it and compares what they say.
func Try(p *profile.Profile, codecs []codec.Codec) ([]CaseResult, error) {
	if len(p.Cases()) == 0 {
		return nil, fault.New(fault.Invalid, "profile.no-cases", "the profile has no cases, so nothing shows that it is right; put cases/<name>/input.%s and expected.jsonl beside it", p.Codec).At(p.Name)
	}
	return TryCases(p, p.Cases(), codecs), nil
}

// TryCases reads cases, of the profile itself or of another version of it.
func TryCases(p *profile.Profile, cases []profile.Case, codecs []codec.Codec) []CaseResult {
	r := NewReader(codecs, profile.Only(p))
	var out []CaseResult
	for _, c := range cases {
		got := Lines(Say(r.Read(model.Entry{Seq: 1, Frame: model.Frame{Channel: "case", Codec: p.Codec, Arrived: caseArrived, Bytes: c.Input}})))
		out = append(out, CaseResult{Case: c.Name, OK: bytes.Equal(got, c.Expected), Got: got, Problems: Compare(c.Expected, got)})
	}
	return out
}

// Compare gives the lines in which two outcomes differ.
func Compare(expected, got []byte) []Difference {
	a, b := lines(expected), lines(got)
	var out []Difference
	for i := 0; i < max(len(a), len(b)); i++ {
		var d Difference
		if i < len(a) {
			d.Expected = a[i]
		}
		if i < len(b) {
			d.Got = b[i]
		}
		if d.Expected != d.Got {
			d.Line = i + 1
			out = append(out, d)
		}
	}
	return out
}

func lines(b []byte) []string {
	text := strings.TrimRight(string(b), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
