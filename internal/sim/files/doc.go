// Package files simulates devices that file what they measure into a folder: a
// house next door that sends HL7 v2 batches, a spot-check monitor that writes
// tables, a Holter recorder (EDF+), a sleep recorder (WFDB) and one that writes
// reports (PDF). Each writes under another name, gives a file its name when it is
// whole, and takes it for acknowledged when it lies in the subfolder of what was
// taken. The formats are written here on their own, so that a mistake of the
// codecs cannot hide itself.
package files

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Kinds of devices.
const (
	Batch    = "batch"
	Spot     = "spot"
	Holter   = "holter"
	Recorder = "recorder"
	Report   = "report"
)

// Kinds lists them.
func Kinds() []string { return []string{Batch, Spot, Holter, Recorder, Report} }

// part is one file of those that belong together. The one that names the others
// is the last.
type part struct {
	ending  string
	content []byte
}

// Batched is how many messages a batch holds.
const Batched = 3

// ecgRate is how many samples of ECG recorders take a second.
const ecgRate = 125

// source is a device at a bed.
type source struct {
	kind    string
	bed     sim.Bed
	run     string
	monitor *sim.Monitor // of a batch
	body    *sim.Physiology
	count   int
	mark    string // what no other file holds; of batches, near their end
}

func newSource(kind string, bed sim.Bed, run string) *source {
	s := &source{kind: kind, bed: bed, run: run, body: bed.Body(), monitor: sim.NewMonitor(bed, sim.NewTerms(), run, 1)}
	s.monitor.Waveforms = false
	return s
}

func (s *source) serial() string {
	return fmt.Sprintf("%s-%s%d", strings.ToUpper(s.kind), s.bed.Ward, s.bed.Number)
}

// next gives the next file, PATIENT_SERIAL_RUN-NUMBER without its ending, and
// what it holds, with what is wrong about it.
func (s *source) next(now time.Time, turn faults.Turn) (name string, parts []part) {
	s.count++
	at := turn.Clock(now)
	mrn := s.bed.Patient.MRN
	if turn.Is(faults.WrongPatient) {
		mrn = "WRONG-" + mrn
	}
	name = fmt.Sprintf("%s_%s_%s-%d", mrn, s.serial(), s.run, s.count)
	switch s.kind {
	case Batch:
		return name, []part{{".hl7", s.batch(now, turn)}}
	case Spot:
		return name, []part{{".csv", s.table(mrn, at, turn)}}
	case Holter:
		return name, []part{{".edf", s.edf(mrn, at)}}
	case Recorder:
		return name, s.wfdb(name, at)
	}
	return name, []part{{".pdf", s.pdf(mrn, at)}}
}

// batch is a batch of HL7 v2 messages (HL7 v2.5.1 §2.10.3).
func (s *source) batch(now time.Time, turn faults.Turn) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "BHS|^~\\&|SIMWARD||THALAMUS||||||%s-%s-%d\r", s.serial(), s.run, s.count)
	for range Batched {
		m := s.monitor.Message(now)
		if !turn.Is(faults.Truncated) {
			m = sim.Spoil(m, turn)
		}
		b.Write(m.Bytes)
		s.mark = "|" + m.ControlID + "|"
	}
	if !turn.Is(faults.Truncated) {
		fmt.Fprintf(&b, "BTS|%d\r", Batched)
	}
	return b.Bytes()
}

// table is a spot check, a value a line (profile thalamus/spot).
func (s *source) table(mrn string, at time.Time, turn faults.Turn) []byte {
	v := s.body.Next().With(turn)
	label, unit, pulse := "HR", "/min", fmt.Sprint(v.PulsePerMin)
	switch turn {
	case faults.NewLabel:
		label = "nobody knows it"
	case faults.WrongUnit:
		unit = "mm[Hg]"
	case faults.NaN:
		pulse = "NaN"
	case faults.NoNumber:
		pulse = "---"
	}
	var b bytes.Buffer
	b.WriteString("serial;software;patient;time;label;value;unit\r\n")
	for _, row := range [][3]string{
		{label, pulse, unit}, {"SpO2", fmt.Sprint(v.SpO2Percent), "%"}, {"RR", fmt.Sprint(v.RespPerMin), "/min"},
		{"NIBP_S", fmt.Sprint(v.SysMmHg), "mm[Hg]"}, {"NIBP_D", fmt.Sprint(v.DiaMmHg), "mm[Hg]"}, {"TEMP", fmt.Sprintf("%d.%d", v.TempTenthCel/10, v.TempTenthCel%10), "Cel"},
	} {
		fmt.Fprintf(&b, "%s;1.0;%s;%s;%s;%s;%s\r\n", s.serial(), mrn, at.Format("2006-01-02T15:04:05.000Z07:00"), row[0], row[1], row[2])
	}
	return b.Bytes()
}

// seconds of ECG that a recording holds.
const seconds = 10

// samples are microvolts; the body goes on by the seconds they last.
func (s *source) samples() []int {
	var out []int
	for range seconds {
		s.body.Next()
		out = append(out, s.body.ECG(ecgRate, ecgRate)...)
	}
	for i, v := range out {
		out[i] = max(-32000, min(32000, v))
	}
	return out
}

// edf is an EDF+C file of one signal and its annotations (Kemp, Olivan: European
// data format 'plus', 2003, §2.1–2.2). Its times are local.
func (s *source) edf(mrn string, at time.Time) []byte {
	const notes = 8 // words of annotations in a data record
	p := s.bed.Patient
	born, _ := time.Parse("20060102", p.Born) // made by us
	day := func(t time.Time) string { return strings.ToUpper(t.Format("02-Jan-2006")) }
	var b bytes.Buffer
	text := func(width int, all ...string) {
		for _, one := range all {
			fmt.Fprintf(&b, "%-*.*s", width, width, one)
		}
	}
	text(8, "0")
	text(80, fmt.Sprintf("%s %s %s %s", mrn, p.Sex, day(born), strings.ReplaceAll(ascii(p.Family), " ", "_")))
	text(80, fmt.Sprintf("Startdate %s X X SIMHOLTER", day(at)))
	text(8, at.Format("02.01.06"), at.Format("15.04.05"), fmt.Sprint(256+2*256))
	text(44, "EDF+C")
	text(8, fmt.Sprint(seconds), "1")
	text(4, "2")
	text(16, "ECG II", "EDF Annotations")
	text(80, "AgAgCl electrodes", "")
	text(8, "uV", "", "-32768", "-1", "32767", "1", "-32768", "-32768", "32767", "32767")
	text(80, "", "")
	text(8, fmt.Sprint(ecgRate), fmt.Sprint(notes))
	text(32, "", "")
	samples := s.samples()
	for n := range seconds {
		for _, v := range samples[n*ecgRate : (n+1)*ecgRate] {
			binary.Write(&b, binary.LittleEndian, int16(v)) // to memory: cannot fail
		}
		note := make([]byte, 2*notes)
		copy(note, fmt.Sprintf("+%d\x14\x14", n))
		b.Write(note)
	}
	return b.Bytes()
}

// ascii leaves what EDF allows.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}

// wfdb is a record of one signal in format 16 (WFDB header(5), signal(5)).
func (s *source) wfdb(name string, at time.Time) []part {
	samples := s.samples()
	var signal bytes.Buffer
	var sum int16
	for _, v := range samples {
		binary.Write(&signal, binary.LittleEndian, int16(v))
		sum += int16(v)
	}
	header := fmt.Sprintf("%s 1 %d %d %s\n%s.dat 16 1000/mV 16 0 %d %d 0 II\n# made by a simulator\n",
		name, ecgRate, len(samples), at.Format("15:04:05.000 02/01/2006"), name, samples[0], sum)
	return []part{{".dat", signal.Bytes()}, {".hea", []byte(header)}}
}

// pdf is a report of one page (ISO 32000-1 §7.5).
func (s *source) pdf(mrn string, at time.Time) []byte {
	v := s.body.Next()
	page := fmt.Sprintf("BT /F1 12 Tf 72 720 Td (Simulated report %s, patient %s: HR %d/min, SpO2 %d %%, BP %d/%d mmHg) Tj ET", at.Format(time.RFC3339), mrn, v.HeartPerMin, v.SpO2Percent, v.SysMmHg, v.DiaMmHg)
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var places []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		places = append(places, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(places)+1)
	for _, at := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(places)+1, xref)
	return b.Bytes()
}
