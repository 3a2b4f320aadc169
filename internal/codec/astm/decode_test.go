package astm

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

func decoded(t *testing.T, records ...string) []model.Message {
	t.Helper()
	return New().Decode(entryOf([]byte(strings.Join(records, "\r")+"\r")), codec.Context{})
}

const head = `H|\^&|||Analyser^1.0|||||LIS||P|LIS2-A2|20260131101500`

func TestResults(t *testing.T) {
	out := decoded(t, head, `P|1|4711|||Doe^Jane^Q||19700102|F|||||||||||||||||ICU^2`, `O|1|S-77||^^^GLU\^^^NA|R||20260131095000`,
		`C|1|I|fasting|G`, `R|1|^^^GLU|5.4|mmol/L|4.0 to 6.0|N||F||kim||20260131100500|A1`, `C|1|I|flag &R& 3|G`,
		`R|2|718-7^Hb^LN^HGB|>200|g/L||HH||C`, `R|3|^^^NA||mmol/L||||X`, `R|4|^^^BACT|E. coli\K. oxytoca|||||P`, `L|1|N`)
	if len(out) != 1 {
		t.Fatalf("%d messages", len(out))
	}
	m := out[0]
	if m.Type != TypeResult || m.Sender.Application != "Analyser^1.0" || m.Receiver.Application != "LIS" || m.Version != "LIS2-A2" || m.DeviceTime.Original != "20260131101500" {
		t.Errorf("header: %+v", m)
	}
	p := m.Patient
	if p == nil || p.Identifiers[0].Value != "4711" || p.Family != "Doe" || strings.Join(p.Given, " ") != "Jane Q" || p.BirthDate != "1970-01-02" || p.Sex != "female" || m.Visit.Place.PointOfCare != "ICU 2" {
		t.Errorf("patient: %+v", p)
	}
	if o := m.Orders[0]; o.Placer.Value != "S-77" || o.Code.Code != "GLU" || o.Start.Original != "20260131095000" || len(o.Notes) != 1 {
		t.Errorf("order: %+v", o)
	}
	if len(m.Observations) != 5 {
		t.Fatalf("%d observations", len(m.Observations))
	}
	glu, hb, na, coli, oxy := m.Observations[0], m.Observations[1], m.Observations[2], m.Observations[3], m.Observations[4]
	if glu.Received.Code != "GLU" || glu.Value.Number.String() != "5.4" || glu.UnitSent.Code != "mmol/L" || glu.Status != model.StatusFinal || glu.DeviceTime.Original != "20260131100500" || glu.RangeText != "4.0 to 6.0" || glu.Notes[0] != `flag \ 3` {
		t.Errorf("%+v", glu)
	}
	if hb.Received != (model.Coding{Code: "718-7", Text: "Hb", System: "LN"}) || hb.Alternate.Code != "HGB" || hb.Value.Comparator != ">" || hb.Status != model.StatusCorrected || hb.DeviceTime.Original != "20260131095000" {
		t.Errorf("%+v", hb)
	}
	if na.Absent != "not-performed" || coli.Value.Text != "E. coli" || oxy.Value.Text != "K. oxytoca" || oxy.Field != "R[4]-4[2]" {
		t.Errorf("%+v %+v %+v", na, coli, oxy)
	}
	if len(m.Issues) != 0 {
		t.Errorf("issues: %+v", m.Issues)
	}
}

// TestPatientsApart: two patients are two messages (R20), and a control is
// nobody's.
func TestPatientsApart(t *testing.T) {
	out := decoded(t, head, `P|1|1`, `O|1|S1`, `R|1|^^^X|1`, `P|2|2`, `O|1|S2`, `R|1|^^^X|2`, `O|2|QC1||^^^X|||||||Q`, `R|1|^^^X|3`, `O|3|S3`, `R|1|^^^X|4`, `L|1|N`)
	var got []string
	for _, m := range out {
		who := "nobody"
		if m.Patient != nil {
			who = m.Patient.Identifiers[0].Value
		}
		got = append(got, m.Type+" "+who+" "+m.Observations[0].Value.Number.String())
		if (m.Type == TypeControl) != m.Test {
			t.Errorf("%s: test is %v", m.Type, m.Test)
		}
	}
	if want := "ASTM^R 1 1, ASTM^R 2 2, ASTM^QC nobody 3, ASTM^R 2 4"; strings.Join(got, ", ") != want {
		t.Errorf("%s; want %s", strings.Join(got, ", "), want)
	}
}

// TestPart: who looks at one message of an entry does not see the others.
func TestPart(t *testing.T) {
	e := entryOf([]byte(strings.Join([]string{head, `P|1|1`, `O|1|S1`, `R|1|^^^X|1`, `P|2|2`, `O|1|S2`, `R|1|^^^X|2`, `L|1|N`}, "\r") + "\r"))
	for n, want := range []string{"P|1|1\rO|1|S1\rR|1|^^^X|1\r", "P|2|2\rO|1|S2\rR|1|^^^X|2\rL|1|N\r"} {
		if got := string(New().Part(e, n)); got != head+"\r"+want {
			t.Errorf("part %d: %q", n, got)
		}
	}
	one := entryOf([]byte(head + "\rP|1|1\rL|1\r"))
	if !bytes.Equal(New().Part(one, 0), one.Bytes) || !bytes.Equal(New().Part(e, 7), e.Bytes) {
		t.Error("an entry with one message, or without that one, was cut")
	}
}

func TestFlaws(t *testing.T) {
	for _, c := range []struct{ name, records, want string }{
		{"no header", "P|1\rL|1\r", "astm.no-header"},
		{"no end", head + "\rP|1\r", "astm.no-end"},
		{"records before", "P|1\r" + head + "\rL|1|N\r", "astm.before-header"},
		{"unknown record", head + "\rZ|1\rL|1|N\r", "astm.record"},
		{"maker's record", head + "\rM|1|HIST\rL|1|N\r", "astm.makers-record"},
		{"ended early", head + "\rL|1|T\r", "astm.ended-early"},
		{"delimiters", "H|\rL|1|N\r", "astm.delimiters"},
		{"no code", head + "\rR|1||5\rL|1|N\r", "decode.no-code"},
		{"date", head + "\rP|1|1|||||1.2.70\rL|1|N\r", "decode.date"},
		{"capture with a wrong checksum", "\x021H|\\^&\r\x03CC\r\n" + string(AppendFrame(nil, 2, []byte(head+"\rL|1|N\r"), true)), "astm.damaged-frames"},
		{"garbage", "hello", "astm.no-header"},
		{"nothing", "", "astm.no-header"},
	} {
		var codes []string
		for _, m := range New().Decode(entryOf([]byte(c.records)), codec.Context{}) {
			for _, i := range m.Issues {
				codes = append(codes, i.Code)
			}
		}
		if strings.Join(codes, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, codes, c.want)
		}
	}
}

func TestEscapes(t *testing.T) {
	var b Builder
	want := `a|b^c\d&e` + "\x01é"
	b.Record('H', "", "", b.Field(want), b.Components("x^", "", "y", ""))
	all, _, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := all[0].Records[0].Field(5).Text(); got != want {
		t.Errorf("%q", got)
	}
	if got := all[0].Records[0].Field(6).Component(1).Text(); got != "x^" {
		t.Errorf("%q", got)
	}
	latin := Element{Raw: "M\xfcller &Q& &", d: usual}
	if latin.Text() != "Müller &Q& &" {
		t.Errorf("%q", latin.Text())
	}
}

func TestQuery(t *testing.T) {
	q, asked := QueryOf([]byte("H|\\^&|||XN-550^1\rQ|1|^S-1\\4711^S-2||ALL||||||||O\rL|1|N\r"))
	if !asked || strings.Join(q.Specimens, " ") != "S-1 S-2" {
		t.Fatalf("%+v %v", q, asked)
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	if got := string(Answer(q, nil, "Thalamus", now)); got != "H|\\^&|||Thalamus|||||XN-550||P|LIS2-A2|20260131120000\rL|1|I\r" {
		t.Errorf("%q", got)
	}
	orders := OrdersIn([]byte("H|\\^&\nP|1|4711\nO|1|S-1||^^^CBC|R\nL|1|N\n"))
	if got := string(Answer(q, orders, "Thalamus", now)); !strings.HasSuffix(got, "\rP|1|4711\rO|1|S-1||^^^CBC|R\rL|1|F\r") {
		t.Errorf("%q", got)
	}
	if _, asked := QueryOf([]byte("H|\\^&\rQ|1|^S||ALL||||||||A\rL|1\r")); asked {
		t.Error("a request that was taken back was answered")
	}
	if m := decoded(t, head, `Q|1|^S-1||^^^CBC||||||||O`, `L|1|N`)[0]; m.Type != TypeQuery || m.Orders[0].Placer.Value != "^S-1" || m.Orders[0].Code.Code != "CBC" {
		t.Errorf("%+v", m)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("\x05\x021H|\\^&\r\x03CC\r\n\x04"), uint8(1))
	f.Add(AppendFrame(nil, 3, []byte("R|1|^^^X|5\r"), false), uint8(5))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		whole, parts := Scanner{Max: 64}, Scanner{Max: 64}
		one, two := tokens(&whole, b, len(b)+1), tokens(&parts, b, int(piece)+1)
		if a, c := squeezeGarbage(kinds(one)), squeezeGarbage(kinds(two)); a != c {
			t.Fatalf("%q at once, %q in pieces", a, c)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(head + "\rP|1|1\rO|1|S\rR|1|^^^X|5\rL|1|N\r"))
	f.Add([]byte("H|@^\\|1\rR|1|a\\F\\b|c@d\rL\r"))
	f.Add([]byte("\x02\x1emtrsl|\x1eqn0.05|\x1db0"))
	f.Add([]byte("\x0224/10/29 13:08 ID# 1 [x] Na 131 mmol/L\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := New().Decode(entryOf(bytes.Clone(b)), codec.Context{})
		if len(out) == 0 {
			t.Fatal("no message")
		}
		for _, m := range out {
			for _, o := range m.Observations {
				if o.Device >= len(m.Devices) {
					t.Fatal("an observation of a device that is not there")
				}
			}
		}
		for n := range out {
			_ = New().Part(entryOf(b), min(n, 10))
		}
		all, _, err := Parse(b)
		if err != nil {
			return
		}
		for _, m := range all {
			again, _, err := Parse(m.Append(nil))
			if err != nil || !bytes.Equal(again[0].Append(nil), m.Append(nil)) {
				t.Fatalf("%q is not the same when written and read again", m.Append(nil))
			}
		}
	})
}

// What makers say in records of their own is seen where they said it.
func TestMakersRecords(t *testing.T) {
	long := "M|2|MATRIX|" + strings.Repeat("x", 2*longestOwn)
	text := head + "\rM|0|START\rP|1|1\rO|1|S1\rM|1|REAGENT|LYSE\\CLEANER|221114I1\rR|1|^^^RBC|5\rS|1|\"own\r" + long + "\rL|1|N\r"
	out := New().Decode(entryOf([]byte(text)), codec.Context{})
	if len(out) != 1 || len(out[0].Orders) != 1 || len(out[0].Observations) != 1 {
		t.Fatalf("%+v", out)
	}
	for _, c := range []struct {
		got  []string
		want string
	}{
		{out[0].Notes, "M|0|START"},
		{out[0].Orders[0].Notes, "M|1|REAGENT|LYSE\\CLEANER|221114I1"},
		{out[0].Observations[0].Notes, "S|1|\"own+" + long[:longestOwn] + "… (the whole 1011 bytes are in the entry)"},
	} {
		if got := strings.Join(c.got, "+"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
