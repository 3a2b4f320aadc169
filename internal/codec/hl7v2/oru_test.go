package hl7v2

import (
	"fmt"
	"testing"
)

// bedsideORU is a PCD-01 report of a patient monitor with n observations, as
// our own simulators would send it; 20 make about 2 kB.
func bedsideORU(n int) []byte {
	b := []byte("MSH|^~\\&|VITALGATE^00A0370011223344^EUI-64|THALAMUS SIM|RECORD|WARD|20260131101112.250+0100||ORU^R01^ORU_R01|S0000000042|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r" +
		"PID|||P-1000017^^^HOSP&1.2.3.4&ISO^PI||Muster^Erika^^^^^L||19700412|F\r" +
		"PV1||I|ICU^2^07\r" +
		"OBR|1|42^VITALGATE|42^VITALGATE|182777000^monitoring of patient^SCT|||20260131101112.250+0100\r")
	for i := range n {
		b = fmt.Appendf(b, "OBX|%d|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.3.%d|%d|262688^MDC_DIM_PERCENT^MDC|||||R\r", i+1, i+1, 80+i)
	}
	return b
}

func BenchmarkReset(b *testing.B) {
	raw := bedsideORU(20)
	var m Message
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Reset(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is what a decoder asks: nine fields of every OBX, their
// components, and their texts without allocating.
func BenchmarkRead(b *testing.B) {
	raw := bedsideORU(20)
	var m Message
	var text []byte
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Reset(raw); err != nil {
			b.Fatal(err)
		}
		for _, s := range m.Segments() {
			if !s.Is("OBX") {
				continue
			}
			text = text[:0]
			for n, f := range s.Fields() {
				switch n {
				case 2, 4, 5, 11, 14:
					text = f.AppendText(text)
				case 3, 6:
					for _, c := range f.Components() {
						text = c.AppendText(text)
					}
				}
			}
		}
	}
}

func BenchmarkEnvelope(b *testing.B) {
	raw := bedsideORU(20)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEnvelope(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitBatch(b *testing.B) {
	raw := bedsideORU(20)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SplitBatch(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	var w Builder
	b.ReportAllocs()
	for b.Loop() {
		w.Reset(standard, "UNICODE UTF-8")
		w.Segment("MSH").Field(3, "APP").Field(9, "ORU", "R01", "ORU_R01").Field(10, "17").Field(11, "P").Field(12, "2.6")
		for range 20 {
			w.Segment("OBX").Field(1, "1").Field(2, "NM").Field(3, "150456", "MDC_PULS_OXIM_SAT_O2", "MDC").Field(5, "98").Field(6, "%").Field(11, "R")
		}
		out, err := w.Bytes()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
	}
}

func BenchmarkAck(b *testing.B) {
	env, err := ParseEnvelope(bedsideORU(20))
	if err != nil {
		b.Fatal(err)
	}
	r := Reply{Code: AA, ControlID: "A1"}
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = AppendAck(to[:0], env, r)
	}
}

// readAll appends every component's text.
func readAll(m *Message, text []byte) []byte {
	for _, s := range m.Segments() {
		for _, f := range s.Fields() {
			for _, r := range f.Reps() {
				for _, c := range r.Components() {
					text = c.AppendText(text)
				}
			}
		}
	}
	return text
}

func TestHotPathAllocatesNothing(t *testing.T) {
	raw := bedsideORU(20)
	var m Message
	var w Builder
	text := make([]byte, 0, 8192)
	env, err := ParseEnvelope(raw)
	if err != nil {
		t.Fatal(err)
	}
	ack := make([]byte, 0, 512)
	if err := m.Reset(raw); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(){
		"reset": func() {
			if err := m.Reset(raw); err != nil {
				t.Fatal(err)
			}
		},
		"read": func() {
			if text = readAll(&m, text[:0]); len(text) < 1000 {
				t.Fatalf("%d bytes of text", len(text))
			}
		},
		"envelope": func() {
			e, err := ParseEnvelope(raw)
			if err != nil || e.Check() != nil || string(e.Trigger()) != "R01" || !e.Enhanced() {
				t.Fatal(e, err)
			}
		},
		"ack": func() { ack = AppendAck(ack[:0], env, Reply{Code: AA, ControlID: "A1"}) },
		"build": func() {
			w.Reset(standard, "UNICODE UTF-8")
			w.Segment("MSH").Field(9, "ORU", "R01").Field(10, "1")
			w.Segment("OBX").Field(5, "a|b", "ä")
			if _, err := w.Bytes(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		do()
		if n := testing.AllocsPerRun(50, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
