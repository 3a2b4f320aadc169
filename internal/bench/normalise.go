package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/app"
	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/ucum"
	"thalamus/profiles"
)

// mixed is what devices of many kinds send, with who reads it.
type mixed struct {
	reader       flow.Reader
	entries      []model.Entry
	observations int // and waveforms, of all entries
}

// normalised measures the pure middle of the way, with memory collected as
// the server does: what a monitor's message costs; what it costs to decode and
// normalise every metric of the table, as MDC, as LOINC and by label, in
// preferred and other units, together with the cases of all profiles that come
// with the program; and what normalising alone costs of that.
func normalised(ctx context.Context, o Options, r *Report) error {
	defer debug.SetGCPercent(debug.SetGCPercent(app.Growth))
	if err := usualMessage(ctx, o, r); err != nil {
		return err
	}
	both := r.Stretches[len(r.Stretches)-1]
	r.below("decode and normalise", both.CPUMs*1000, 25, "µs a message")
	r.score = both.PerSecond

	all, err := mixedDevices()
	if err != nil {
		return err
	}
	r.Counts["mixedMessages"], r.Counts["mixedObservations"] = int64(len(all.entries)), int64(all.observations)
	at := 0
	st, err := alone(ctx, o, "whole table and mixed devices, decoded and normalised", rawOf(all.entries), func([]byte) error {
		all.reader.Read(all.entries[at%len(all.entries)])
		at++
		return nil
	})
	if err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, perObservation(st, all))
	r.atLeast("decode and normalise, whole table and mixed devices", 1000/r.Stretches[len(r.Stretches)-1].CPUMs, 100_000, "observations/s on one core")

	var decoded [][]model.Message
	for _, e := range all.entries {
		decoded = append(decoded, all.reader.Read(e))
	}
	at = 0
	// Normalising again starts from what was sent: it does the whole work.
	st, err = alone(ctx, o, "whole table and mixed devices, normalised alone", rawOf(all.entries), func([]byte) error {
		messages := decoded[at%len(decoded)]
		for i := range messages {
			normalise.Normalise(&messages[i], all.reader.Meaning)
		}
		at++
		return nil
	})
	if err != nil {
		return err
	}
	st.MBPerSec = 0
	st = perObservation(st, all)
	r.Stretches = append(r.Stretches, st)
	r.atLeast("normalise, whole table and mixed devices", 1000/st.CPUMs, 100_000, "observations/s on one core")
	r.below("allocations of it", *st.Allocs, 2, "an observation")
	return nil
}

// perObservation turns a stretch of messages into one of observations.
func perObservation(st Stretch, all mixed) Stretch {
	each := float64(all.observations) / float64(len(all.entries))
	st.Of, st.Count = "observations", int64(float64(st.Count)*each)
	st.PerSecond *= each
	st.CPUMs /= each
	allocs := *st.Allocs / each
	st.Allocs = &allocs
	return st
}

func rawOf(entries []model.Entry) [][]byte {
	raw := make([][]byte, len(entries))
	for i := range entries {
		raw[i] = entries[i].Bytes
	}
	return raw
}

// usualMessage measures a simulated monitor's message, decoded and then
// decoded and normalised.
func usualMessage(ctx context.Context, o Options, r *Report) error {
	raw := samples(o.Size, r)
	decoder := decode.New(builtin.Codecs()...)
	arrived := time.Now().UTC()
	observations := 0
	read := func(b []byte, further bool) error {
		e := model.Entry{Seq: 1, Frame: model.Frame{Channel: "in", Codec: "hl7v2", Arrived: arrived, Bytes: b}}
		all := decoder.Decode(e, codec.Context{Site: time.UTC})
		if len(all) != 1 || len(all[0].Observations) == 0 {
			return fault.New(fault.Broken, "bench.decode", "a simulated message was not understood")
		}
		if further {
			normalise.Normalise(&all[0], normalise.Context{Site: time.UTC})
		}
		observations += len(all[0].Observations)
		return nil
	}
	for _, part := range []struct {
		name    string
		further bool
	}{{"decoded", false}, {"decoded and normalised", true}} {
		st, err := alone(ctx, o, part.name, raw, func(b []byte) error { return read(b, part.further) })
		if err != nil {
			return err
		}
		r.Stretches = append(r.Stretches, st)
	}
	r.Counts["observations"] = int64(observations)
	r.Counts["observationsSent"] = (r.Stretches[0].Count + r.Stretches[1].Count) * int64(r.Observations)
	r.agree("observationsSent", "observations")
	return nil
}

// mixedDevices makes the messages of the whole table and takes the cases of
// the profiles that come with the program.
func mixedDevices() (mixed, error) {
	shipped, err := profiles.All()
	if err != nil {
		return mixed{}, err
	}
	force := make([]profile.InForce, len(shipped))
	for i, p := range shipped {
		force[i] = profile.InForce{Profile: p}
	}
	set, err := profile.NewSet(force)
	if err != nil {
		return mixed{}, err
	}
	all := mixed{reader: flow.NewReader(builtin.Codecs(), set)}
	all.reader.Codec.Site, all.reader.Meaning.Site = time.UTC, time.UTC
	near := map[string][]mdc.Candidate{}
	all.reader.Meaning.Nearest = func(label string, u *ucum.Unit) []mdc.Candidate { // remembered, as in the server
		key := label
		if u != nil {
			key += "\n" + u.Code()
		}
		found, ok := near[key]
		if !ok {
			found = mdc.Nearest(label, u, normalise.Candidates)
			near[key] = found
		}
		return found
	}
	add := func(channel, codec string, raw []byte) {
		e := model.Entry{Seq: model.Seq(len(all.entries) + 1), Frame: model.Frame{Channel: model.ChannelID(channel), Codec: codec, Arrived: tableTime.Add(time.Second), Bytes: raw}}
		all.entries = append(all.entries, e)
		for _, m := range all.reader.Read(e) {
			all.observations += len(m.Observations) + len(m.Waveforms)
		}
	}
	for _, p := range shipped {
		channel := "ward"
		if len(p.AppliesTo.Channel) > 0 {
			channel = strings.TrimSuffix(p.AppliesTo.Channel[0], "*") + "-1"
		}
		for _, c := range p.Cases() {
			add(channel, p.Codec, c.Input)
		}
	}
	for _, raw := range tableMessages() {
		add("ward", "hl7v2", raw)
	}
	return all, nil
}

// tableTime is when all of the table was measured.
var tableTime = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// perTableMessage is how many metrics a message of the table has.
const perTableMessage = 24

// tableMessages gives every metric of the table in messages of 24: each as
// MDC, as LOINC where it has one, and by a label, in each of its units and in
// another one.
func tableMessages() [][]byte {
	var rows []string
	for _, t := range mdc.Terms() {
		if t.Kind != mdc.Numeric && t.Kind != mdc.Setting || t.Code == 0 {
			continue
		}
		value := middle(t)
		row := func(code string, v model.Decimal, unit string) { // without OBX-1
			rows = append(rows, fmt.Sprintf("NM|%s|1.1.1.%d|%s|%s^^UCUM|||||F|||20260131120000+0000", code, len(rows)%9+1, v, unit))
		}
		code := strconv.FormatUint(uint64(t.Code), 10) + "^" + t.RefID + "^MDC"
		if len(t.Units) == 0 {
			row(code, value, "1")
		}
		for _, u := range t.Units {
			row(code, value, u.Code())
			for _, text := range otherUnits {
				other, err := ucum.Parse(text)
				if err != nil || other.Code() == u.Code() {
					continue
				}
				if v, ok, err := ucum.Convert(value, u, other); err == nil && ok {
					row(code, v, text)
					break
				}
			}
		}
		if t.LOINC != "" && len(t.Units) > 0 {
			row(t.LOINC+"^"+t.Name+"^LN", value, t.Units[0].Code())
		}
		if len(t.Synonyms) > 0 && len(t.Units) > 0 && !strings.ContainsAny(t.Synonyms[0], `|^~\&`) {
			row("V"+strconv.Itoa(len(rows))+"^"+t.Synonyms[0]+"^L", value, t.Units[0].Code())
		}
	}
	var out [][]byte
	for len(rows) > 0 {
		n := min(perTableMessage, len(rows))
		var b strings.Builder
		fmt.Fprintf(&b, "MSH|^~\\&|TABLE|BENCH|||20260131120000+0000||ORU^R01^ORU_R01|%d|P|2.6|||NE|AL||UNICODE UTF-8\rPID|||4711^^^H^MR||Muster^Eva||19700101|F\rPV1||I|ICU^1^3\rOBR|1|||V^Vitals^L|||20260131120000+0000\r", len(out)+1)
		for i, row := range rows[:n] {
			fmt.Fprintf(&b, "OBX|%d|%s\r", i+1, row)
		}
		out, rows = append(out, []byte(b.String())), rows[n:]
	}
	return out
}

// otherUnits are asked one after the other for one that a metric's value can
// be sent in besides its own.
var otherUnits = []string{"[degF]", "kPa", "mm[Hg]", "/s", "/min", "L/h", "mL/min", "dL", "mL", "g/L", "mg/dL", "mmol/L", "umol/L", "[lb_av]", "g", "mg", "cm", "m", "min", "s", "ms", "mV", "uV", "W", "J", "%"}

// middle is a value in the middle of what is possible for a metric.
func middle(t *mdc.Term) model.Decimal {
	if t.Low == nil || t.High == nil {
		return model.Decimal{Coef: 10}
	}
	d, err := model.ParseDecimal(strconv.FormatFloat((t.Low.Float64()+t.High.Float64())/2, 'g', 3, 64))
	if err != nil {
		return *t.Low
	}
	return d
}
