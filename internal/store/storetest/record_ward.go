package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Ward makes what a small hospital sends: monitors
// with numerics, a waveform, alarms, corrections, results without a patient,
// batch files, repeats, unknown codes and clocks that are wrong.
type Ward struct {
	r     *rand.Rand
	now   time.Time
	seq   model.Seq
	sent  []*model.Message // without the repeats
	value map[string]int64
	alert map[int]int // number of the open alert of a device, 0: none
	ended map[int]int // number of the last one that ended
	told  map[int]int // reports of the open one
}

// NewWard makes a ward, the same for the same seed.
func NewWard(seed uint64) *Ward {
	return &Ward{
		r: rand.New(rand.NewPCG(seed, 11)), now: time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC),
		value: map[string]int64{}, alert: map[int]int{}, ended: map[int]int{}, told: map[int]int{},
	}
}

var codes = []model.Code{
	{MDC: 147842, RefID: "MDC_ECG_HEART_RATE", LOINC: "8867-4", Name: "Heart rate"},
	{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2", LOINC: "59408-5", Name: "SpO2"},
	{MDC: 151562, RefID: "MDC_RESP_RATE"},
	{MDC: 150344},
	{LOINC: "8310-5"},
	{},
}

// Rest lets some hours pass in which nothing comes.
func (w *Ward) Rest(hours int) { w.now = w.now.Add(time.Duration(hours) * time.Hour) }

// Batch makes the next n entries and lets time pass between them.
func (w *Ward) Batch(n int) record.Batch {
	var b record.Batch
	for range n {
		w.now = w.now.Add(time.Duration(w.r.IntN(20_000)) * time.Millisecond)
		w.seq++
		for part := range 1 + w.r.IntN(8)/6 {
			m := w.message(part)
			b.Messages = append(b.Messages, m)
			b.Prints = append(b.Prints, record.PrintOf(m, record.Digest{}))
		}
	}
	b.Cursor = w.seq
	return b
}

func (w *Ward) message(part int) *model.Message {
	r := w.r
	at := w.now.Truncate(time.Millisecond)
	if first := w.earlier(part); first != nil && r.IntN(12) == 0 {
		m := *first
		m.Ref, m.Arrived, m.Duplicate = model.MessageRef{Seq: w.seq, Part: part}, at, first.Ref
		m.Observations, m.Waveforms, m.Alerts, m.Issues, m.Routed = nil, nil, nil, nil, nil
		return &m
	}
	dev := r.IntN(9)
	m := &model.Message{
		Ref: model.MessageRef{Seq: w.seq, Part: part}, Channel: model.ChannelID(fmt.Sprint("ch", dev%3)), Codec: "hl7v2", Peer: fmt.Sprintf("192.0.2.%d:4711", dev),
		Type: []string{"ORU^R01^ORU_R01", "ORU^R40^ORU_R40", "ADT^A01^ADT_A01"}[r.IntN(10)/4%3], ControlID: fmt.Sprintf("D%d-%05d", dev, w.seq),
		Sender: model.Party{Application: fmt.Sprint("MON", dev)}, Arrived: at, Recorded: at.Add(time.Millisecond),
		DeviceTime: model.Timestamp{UTC: at.Add(-time.Second).Truncate(time.Second), Original: "as sent", Precision: "second", Zone: model.ZoneSite},
		Devices:    []model.Device{{ID: model.DeviceID(fmt.Sprint("dev", dev)), Level: "mds", Parent: -1, Model: "VM"}, {Level: "vmd", Parent: 0}},
	}
	if dev == 7 {
		m.DeviceTime = model.Timestamp{} // a device without a clock
	}
	if dev == 8 {
		m.DeviceTime.UTC = m.DeviceTime.UTC.AddDate(-20, 0, 0) // and one that lost it
	}
	if dev != 5 {
		m.Patient = &model.Patient{ID: model.PatientID(fmt.Sprint("pat", (dev+int(w.now.Unix()/20000))%7)), Family: "Muster", Given: []string{"Eva"}}
	}
	for range r.IntN(5) {
		m.Observations = append(m.Observations, w.observation(m, dev))
	}
	if dev%4 == 0 && r.IntN(2) == 0 {
		wave := model.Waveform{Field: "OBX[9]", Code: model.Code{MDC: 131330, RefID: "MDC_ECG_ELEC_POTL_II"}, Received: model.Coding{Code: "131330"}, UnitUCUM: "mV", PeriodNS: 4e6, Scale: model.Decimal{Coef: 1, Exp: -3}, Device: 0}
		for range 50 {
			wave.Samples = append(wave.Samples, int32(r.IntN(1000)))
		}
		m.Waveforms = append(m.Waveforms, wave)
	}
	if r.IntN(9) == 0 {
		m.Alerts = append(m.Alerts, w.event(dev))
	}
	for range r.IntN(14) / 12 {
		m.Issues = append(m.Issues, model.Issue{Code: fmt.Sprint("test.issue", r.IntN(3)), Severity: model.Warning, Text: "strange"})
	}
	for i, dest := range []model.DestinationID{"fhir", "ehr", "lake"} {
		if r.IntN(3) <= i {
			d := model.Decision{Route: "r", Destination: dest}
			if r.IntN(20) == 0 {
				d.Refused = []string{model.RefusedQuarantine, "simulated"}[r.IntN(2)]
			}
			m.Routed = append(m.Routed, d)
		}
	}
	w.sent = append(w.sent, m)
	return m
}

// earlier gives one of the messages sent that had this part in its entry.
func (w *Ward) earlier(part int) *model.Message {
	for range 20 {
		if len(w.sent) == 0 {
			return nil
		}
		if m := w.sent[w.r.IntN(len(w.sent))]; m.Ref.Part == part {
			return m
		}
	}
	return nil
}

func (w *Ward) observation(m *model.Message, dev int) model.Observation {
	r := w.r
	n := r.IntN(len(codes))
	o := model.Observation{
		Field: fmt.Sprintf("OBX[%d]", len(m.Observations)+1), Code: codes[n], Received: model.Coding{Code: fmt.Sprint("C", n), System: "X"},
		UnitUCUM: "/min", Status: model.StatusFinal, DeviceTime: m.DeviceTime, Device: r.IntN(4) - 1, Simulated: r.IntN(15) == 0,
		Value: model.Value{Kind: model.ValueNumber},
	}
	key := fmt.Sprint(dev, n)
	w.value[key] += r.Int64N(9) - 4
	o.Value.Number = model.Decimal{Coef: 800 + w.value[key], Exp: -1}
	switch r.IntN(16) {
	case 0:
		o.Status = model.StatusCorrected
	case 1:
		o.Status = model.StatusError
	case 2:
		o.Value = model.Value{Kind: model.ValueText, Text: "asystole"}
	case 3:
		o.Value, o.Absent = model.Value{}, "not-performed"
	case 4:
		o.Value.Number = model.Decimal{Coef: 80, Exp: 0}
	case 5:
		o.UnitUCUM = "Hz"
	case 6:
		o.Value.Comparator = []string{"<", "<=", ">=", ">"}[n%4]
	case 7:
		o.Value, o.Absent, o.Status = model.Value{}, "error", model.StatusCorrected
	}
	return o
}

// event tells of the alert of a device, now and then muted, latched, or late:
// of one that has ended since.
func (w *Ward) event(dev int) model.Alert {
	a := model.Alert{Field: "OBX[1]", Code: model.Code{MDC: 196670, RefID: "MDC_EVT_LO"}, Source: codes[0], Text: "low", Priority: "high", Device: 0}
	switch {
	case w.ended[dev] != 0 && w.r.IntN(4) == 0:
		a.Phase, a.Update, a.ID = "update", 1, fmt.Sprintf("a%d", w.ended[dev])
		return a
	case w.alert[dev] == 0:
		w.alert[dev], w.told[dev] = int(w.seq), 0
		a.Phase = "start"
	case w.r.IntN(2) == 0:
		a.Phase = "continue"
		a.Muted = []string{"", "enabled", "audio-paused"}[w.r.IntN(3)]
		a.Priority = []string{"", "low", "medium", "high"}[w.r.IntN(4)]
		a.State = []string{"", "active", "latched"}[w.r.IntN(3)]
	default:
		a.Phase = "end"
	}
	w.told[dev]++
	a.Update = w.told[dev]
	a.ID = fmt.Sprintf("a%d", w.alert[dev])
	if a.Phase == "end" {
		w.alert[dev], w.ended[dev] = 0, w.alert[dev]
	}
	if dev%2 == 0 {
		a.List, a.Vanished = "acme/vent $.alarms", a.Phase == "end"
	}
	return a
}
