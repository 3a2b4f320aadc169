package sim

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Source makes the messages of one simulated device.
type Source interface {
	// Name is unique in a ward: the sending application and the beginning of
	// every control id.
	Name() string
	// Next gives the messages that are due at a moment, none when nothing is.
	// Each has a control id that the source never gives again.
	Next(now time.Time) []Message
}

// Message as a device sends it.
type Message struct {
	ControlID string
	Stream    string // patient and device, "MRN/sender": what order is kept by
	Bytes     []byte
}

// EachSecond is the rhythm of a monitor.
const (
	EachSecond = time.Second
	ecgRate    = 125 // samples a second, unless told
)

// Monitor is a bedside monitor: PCD-01 with numerics and a second of ECG.
type Monitor struct {
	Bed       Bed
	Waveforms bool
	// PerSecond is how many samples of ECG it takes a second; 0 means 125.
	PerSecond int
	// Padding repeats numerics until the message has this many OBX with a
	// value; 0 leaves the usual set. For benchmarks.
	Padding int
	// Rhythm is the time between two messages; 0 means EachSecond.
	Rhythm time.Duration

	terms Terms
	body  *Physiology
	count int
	id    string
	due   time.Time
	run   string
}

// NewMonitor makes the monitor of a bed. run tells apart the control ids of
// several runs against the same server.
func NewMonitor(b Bed, terms Terms, run string, seed uint64) *Monitor {
	return &Monitor{Bed: b, Waveforms: true, terms: terms, body: NewPhysiology(seed + uint64(b.Number)), id: eui64("01", b.Ward, b.Number), run: run}
}

// Name implements Source.
func (m *Monitor) Name() string { return fmt.Sprintf("SIMMON-%s%02d", m.Bed.Ward, m.Bed.Number) }

// Next implements Source: one message a second, or as Rhythm says.
func (m *Monitor) Next(now time.Time) []Message {
	if now.Before(m.due) {
		return nil
	}
	rhythm := m.Rhythm
	if rhythm == 0 {
		rhythm = EachSecond
	}
	m.due = now.Truncate(rhythm).Add(rhythm)
	if rhythm == EachSecond {
		// Samples are taken evenly, however late the message goes: seconds follow
		// each other without a gap.
		return []Message{m.message(now, now.Truncate(rhythm))}
	}
	return []Message{m.Message(now)}
}

// Message makes the next message whatever the time.
func (m *Monitor) Message(now time.Time) Message { return m.message(now, now) }

// message makes a message with the second of ECG that ends at curve.
func (m *Monitor) message(now, curve time.Time) Message {
	m.count++
	control := fmt.Sprintf("%s-%s-%d", m.Name(), m.run, m.count)
	v := m.body.Next()
	w := writer{terms: m.terms, at: stamp(now)}
	w.head(m.Name()+"^"+m.id+"^EUI-64", "ORU^R01^ORU_R01", control, pcd01)
	w.line(m.Bed.pid())
	w.line("PV1|1|I|" + m.Bed.place())
	w.line(fmt.Sprintf("OBR|1|%s^SIM|%s^SIM|%s|||%s", control, control, w.terms["MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"], w.at))
	w.device("MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS", "1.0.0.0", m.id)
	w.text("MDC_ATTR_ID_MODEL", "1.0.0.1", "Thalamus Simulation^Monitor S8")
	w.device("MDC_DEV_ECG_VMD", "1.1.0.0", "")
	w.number("MDC_ECG_HEART_RATE", "1.1.1.1", strconv.Itoa(v.HeartPerMin), "MDC_DIM_BEAT_PER_MIN")
	w.number("MDC_RESP_RATE", "1.1.2.1", strconv.Itoa(v.RespPerMin), "MDC_DIM_RESP_PER_MIN")
	w.number("MDC_PULS_OXIM_SAT_O2", "1.2.1.1", strconv.Itoa(v.SpO2Percent), "MDC_DIM_PERCENT")
	w.number("MDC_PULS_OXIM_PULS_RATE", "1.2.1.2", strconv.Itoa(v.PulsePerMin), "MDC_DIM_BEAT_PER_MIN")
	w.number("MDC_PRESS_BLD_NONINV_SYS", "1.3.1.1", strconv.Itoa(v.SysMmHg), "MDC_DIM_MMHG")
	w.number("MDC_PRESS_BLD_NONINV_DIA", "1.3.1.2", strconv.Itoa(v.DiaMmHg), "MDC_DIM_MMHG")
	w.number("MDC_PRESS_BLD_NONINV_MEAN", "1.3.1.3", strconv.Itoa(v.MeanMmHg), "MDC_DIM_MMHG")
	w.number("MDC_TEMP", "1.4.1.1", fmt.Sprintf("%d.%d", v.TempTenthCel/10, v.TempTenthCel%10), "MDC_DIM_DEGC")
	for i := w.values; i < m.Padding; i++ {
		w.number("MDC_PULS_OXIM_SAT_O2", fmt.Sprintf("1.5.%d.1", i), strconv.Itoa(v.SpO2Percent), "MDC_DIM_PERCENT")
	}
	if m.Waveforms {
		rate := cmp.Or(m.PerSecond, ecgRate)
		w.line("OBR|2||" + control + "-W^SIM|WAVEFORM|||" + stamp(curve.Add(-time.Second)) + "|" + stamp(curve))
		w.samples("MDC_ECG_ELEC_POTL_II", "1.1.3.1", m.body.ECG(rate, float64(rate)), rate, stamp(curve.Add(-time.Second)))
	}
	return Message{ControlID: control, Stream: m.Bed.Patient.MRN + "/" + m.Name(), Bytes: w.bytes()}
}

// Profiles of MSH-21 (IHE PCD TF-2 §3.1, §3.4).
const (
	pcd01 = "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"
	pcd04 = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
)

// writer makes the segments of a device's message.
type writer struct {
	strings.Builder
	terms  Terms
	at     string
	obx    int
	values int
}

func (w *writer) line(s string) { w.WriteString(s); w.WriteByte('\r') }

func (w *writer) bytes() []byte { return []byte(w.String()) }

func (w *writer) head(sender, kind, control, profile string) {
	accept := "||"
	if profile != "" {
		accept = "AL|NE|" // enhanced mode, IHE PCD TF-2 Appendix B.1
	}
	w.line(`MSH|^~\&|` + sender + `|SIMWARD|THALAMUS|SIMHOSP|` + w.at + `||` + kind + `|` + control + `|P|2.6|||` + accept + `|UNICODE UTF-8|||` + profile)
}

func (w *writer) device(refid, sub, id string) {
	w.obx++
	if id != "" {
		id = id + "^^" + id + "^EUI-64"
	}
	w.line(fmt.Sprintf("OBX|%d||%s|%s|||||||X|||%s||||%s", w.obx, w.terms[refid], sub, w.at, id))
}

func (w *writer) number(refid, sub, value, unit string) {
	w.obx++
	w.values++
	w.line(fmt.Sprintf("OBX|%d|NM|%s|%s|%s|%s|||||R|||%s", w.obx, w.terms[refid], sub, value, w.terms[unit], w.at))
}

func (w *writer) text(refid, sub, value string) {
	w.obx++
	w.line(fmt.Sprintf("OBX|%d|ST|%s|%s|%s||||||R|||%s", w.obx, w.terms[refid], sub, value, w.at))
}

// samples writes microvolts as millivolts with three digits.
func (w *writer) samples(refid, sub string, microvolts []int, rate int, from string) {
	w.obx++
	var b strings.Builder
	for i, uv := range microvolts {
		if i > 0 {
			b.WriteByte('^')
		}
		b.WriteString(strconv.FormatFloat(float64(uv)/1000, 'f', 3, 64))
	}
	w.line(fmt.Sprintf("OBX|%d|NA|%s|%s|%s|%s|||||R|||%s", w.obx, w.terms[refid], sub, b.String(), w.terms["MDC_DIM_MILLI_VOLT"], from))
	w.obx++
	w.line(fmt.Sprintf("OBX|%d|NM|%s|%s.1|%d|%s|||||R", w.obx, w.terms["MDC_ATTR_SAMP_RATE"], sub, rate, w.terms["MDC_DIM_PER_SEC"]))
}
