package hl7v2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const msh = "MSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|7|P|2.6"

// TestTolerance shows what devices send, what is read of it, and which issue
// says so. Every case also comes out as it went in.
func TestTolerance(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		segments  string // ids
		issues    string // code@field@byte
		get       string // path=text
	}{
		{"CR", msh + "\rPID|1\r", "MSH PID", "", "PID-1=1"},
		{"LF", msh + "\nPID|1\nOBR|1\n", "MSH PID OBR", "", "OBR-1=1"},
		{"CRLF", msh + "\r\nPID|1\r\nOBR|1", "MSH PID OBR", "", "PID-1=1"},
		{"mixed ends and empty lines", msh + "\r\r\nPID|1\n\n\rOBR|1\r \r", "MSH PID OBR", "", "PID-1=1"},
		{"no end at all", msh, "MSH", "", "MSH-12=2.6"},
		{"segment without fields", msh + "\rDSC\rPID|1\r", "MSH DSC PID", "", "DSC-1="},
		{"local segments", msh + "\rZPM|1|x\rZ01|y\r", "MSH ZPM Z01", "", "ZPM-2=x"},
		{"blank at the end of a field stays", msh + "\rNTE|1||text  \r\n", "MSH NTE", "", "NTE-3=text  "},
		{"byte order mark", "\ufeff" + msh + "\rPID|1\r", "MSH PID", "leading@@0", "PID-1=1"},
		{"framing left over", "\x0b" + msh + "\rPID|1\r\x1c\r", "MSH PID", "leading@@0 trailing@@58", "PID-1=1"},
		{"zero byte at the end", msh + "\rPID|1\r\x00", "MSH PID", "trailing@@57", "PID-1=1"},
		{"blanks and line ends before", " \r\n\t" + msh + "\r", "MSH", "leading@@0", "MSH-10=7"},
		{"blanks before a segment", msh + "\r  PID|1\r", "MSH PID", "blank-before-segment@PID@51", "PID-1=1"},
		{"PID glued to MSH", msh + "|||AL|NE||ASCII|||IHE_PCD_001^IHE PCD^1.3^ISOPID|||4711^^^H||Doe^John\rOBR|1\r",
			"MSH PID OBR", "glued@MSH-21.4@95", "PID-3.1=4711 MSH-21.4=ISO OBR-1=1"},
		{"PID glued to MSH-12", msh + "PID|1||4711\rOBR|1\r", "MSH PID OBR", "glued@MSH-12@50", "PID-3=4711 MSH-12=2.6"},
		{"an application named RAPID", strings.Replace(msh, "|A|", "|RAPID|", 1) + "\rPID|1\r", "MSH PID", "", "MSH-3=RAPID"},
		{"MSH-21 named RAPID", msh + "|||||||||RAPID|\rPID|1\r", "MSH PID", "", "MSH-21=RAPID"},
		{"OBR glued after blanks", msh + "\rPV1||I|||||||  OBR|1|9|8\rOBX|1\r", "MSH PV1 OBR OBX", "glued@PV1-9@66", "OBR-2=9"},
		{"OBX glued", msh + "\rOBX|1|NM|a||5||||||ROBX|2|NM|b||6\r", "MSH OBX OBX", "glued@OBX-11@71", "OBX-11=R OBX[2]-5=6"},
		{"three OBX glued", msh + "\rOBX|1|NM|a||5|OBX|2|ST|b||6|OBX|3||c\r", "MSH OBX OBX OBX", "glued@OBX-6@65 glued@OBX[2]-6@79", "OBX[3]-3=c"},
		{"ORC glued", msh + "\rPID|1|Walmart^LORC|NW|77\r", "MSH PID ORC", "glued@PID-2.2@66", "ORC-2=77 PID-2.2=L"},
		{"PV1 glued", msh + "\rPID|1||||||FPV1|1|I|\r", "MSH PID PV1", "glued@PID-7@63", "PV1-2=I PID-7=F"},
		{"a department that ends in PID", msh + "\rPV1|1|I|X^DEPID|E^Emergency|\r", "MSH PV1", "", "PV1-3.2=DEPID"},
		{"a place that ends in OBR", msh + "\rPV1|1|I|Hospital OBR|obr, room 3\r", "MSH PV1", "", "PV1-3=Hospital OBR"},
		{"text that ends in OBX", msh + "\rNTE|1||see OBX|and more\r", "MSH NTE", "", "NTE-3=see OBX"},
		{"an error location is not glue", msh + "\rERR|OBX|1|NM|\r", "MSH ERR", "", "ERR-1=OBX"},
		{"wrapped text", msh + "\rNTE|1||first line\nsecond line\rOBX|1\r", "MSH NTE OBX", "wrapped@NTE-3@69", "NTE-3=first line\nsecond line"},
		{"wrapped over blank lines", msh + "\r\nNTE|1||one\r\n\r\n  two\r\nthree|4\r\n", "MSH NTE", "wrapped@NTE-3@66", "NTE-3=one\n\n  two\nthree NTE-4=4"},
		{"wrapped between fields", msh + "\rOBX|1|NM|a||\r5|mm\rOBX|2\r", "MSH OBX OBX", "wrapped@OBX-5@64", "OBX-5=5 OBX-6=mm"},
		{"two wraps, one issue each", msh + "\rNTE|1||a\nb\nc\rNTE|2||d\ne\r", "MSH NTE NTE", "wrapped@NTE-3@60 wrapped@NTE[2]-3@73", "NTE[2]-3=d\ne"},
		{"second MSH", msh + "\rPID|1\r" + msh + "\r", "MSH PID MSH", "second-header@MSH[2]@57", "MSH[2]-10=7"},
		{"no control id", strings.Replace(msh, "|7|", "||", 1) + "\r", "MSH", "no-control-id@MSH-10@43", "MSH-11=P"},
		{"blank control id", strings.Replace(msh, "|7|", "|  |", 1) + "\r", "MSH", "no-control-id@MSH-10@43", "MSH-11=P"},
		{"type is null", "MSH|^~\\&|A||||2026||\"\"|7|P|2.6", "MSH", "no-type@MSH-9@20", "MSH-10=7"},
		{"type is blank", "MSH|^~\\&|A||||2026|| ^R01|7|P|2.6", "MSH", "no-type@MSH-9@20", "MSH-10=7"},
		{"type is a line break", "MSH|^~\\&|A||||2026||\\.br\\|7|P|2.6", "MSH", "no-type@MSH-9@20", "MSH-10=7"},
		{"header cut short", "MSH|^~\\&|A", "MSH", "no-type@MSH-9@10 no-control-id@MSH-10@10", "MSH-3=A"},
		{"other delimiters", "MSH$%~*@$A$B$C$D$2026$$ORU%R01$7$P$2.6\rPID$1$$a%b@c*S*|^&~2\r", "MSH PID", "", "PID-3.2.2=c%|^& PID-3[2]=2 MSH-9.2=R01"},
		{"truncation character", "MSH|^~\\&#|A|B|C|D|2026||ORU^R01|7|P|2.7\rPID|1||a\\P\\b#\r", "MSH PID", "", "PID-3=a#b# MSH-2=^~\\&#"},
		{"escape character twice", "MSH|^~\\\\&|A|B|C|D|2026||ORU^R01|7|P|2.6\rPID|1||a&b\\T\\\r", "MSH PID", "delimiters-doubled@MSH-2@4", "PID-3.1.1=a PID-3.1.2=b&"},
		{"components only", "MSH|^|A|B|C|D|2026||ORU^R01|7|P|2.6\rPID|1||a^b~c\\T\\&\r", "MSH PID", "delimiters-few@MSH-2@4", "PID-3.2=b~c\\T\\&"},
		{"no sub-components", "MSH|^~\\|A|B|C|D|2026||ORU^R01|7|P|2.6\rPID|1||a&b^c\\F\\\r", "MSH PID", "", "PID-3.1=a&b PID-3.2=c|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			var ids, issues []string
			for _, s := range m.Segments() {
				ids = append(ids, s.ID())
			}
			if got := strings.Join(ids, " "); got != c.segments {
				t.Errorf("segments %s, want %s", got, c.segments)
			}
			for _, i := range m.Issues() {
				issues = append(issues, fmt.Sprintf("%s@%s@%d", strings.TrimPrefix(i.Code, "hl7v2."), i.Field, i.Offset))
			}
			if got := strings.Join(issues, " "); got != c.issues {
				t.Errorf("issues %s, want %s", got, c.issues)
			}
			for _, g := range splitGets(c.get) {
				path, want, _ := strings.Cut(g, "=")
				if got := m.Get(path); got != want {
					t.Errorf("%s = %q, want %q", path, got, want)
				}
			}
			if err := roundTrip(m, []byte(c.raw)); err != nil {
				t.Error(err)
			}
		})
	}
}

// splitGets cuts "A-1=x y B-2=z" before each path.
func splitGets(s string) []string {
	var out []string
	for _, w := range strings.Split(s, " ") {
		path, _, found := strings.Cut(w, "=")
		if _, err := ParsePath(path); found && err == nil {
			out = append(out, w)
		} else {
			out[len(out)-1] += " " + w
		}
	}
	return out
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, raw, code, place string }{
		{"nothing", "", "hl7v2.empty", ""},
		{"only line ends", "\r\n \r", "hl7v2.empty", ""},
		{"only framing", "\x0b\x1c\r", "hl7v2.empty", ""},
		{"text", "hello world", "hl7v2.not-hl7", "first segment (byte 0)"},
		{"text that begins like a header", "MSHello world", "hl7v2.delimiters", "MSH-1 (byte 3)"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "hl7v2.not-hl7", "first segment (byte 0)"},
		{"HTTP verb of three letters", "PUT /x HTTP/1.1\r\n", "hl7v2.not-hl7", "first segment (byte 0)"},
		{"JSON", `{"MSH":1}`, "hl7v2.not-hl7", "first segment (byte 0)"},
		{"TLS", "\x16\x03\x01\x02\x00", "hl7v2.not-hl7", "first segment (byte 0)"},
		{"PID first", "\rPID|1|2", "hl7v2.no-header", "PID (byte 1)"},
		{"MSH alone", "MSH", "hl7v2.header-short", "MSH-1 (byte 3)"},
		{"MSH and a separator", "MSH|", "hl7v2.header-short", "MSH-1 (byte 4)"},
		{"no delimiters", "MSH||A|B", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"delimiters missing, field in their place", "MSH|APP|FAC|", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"too many delimiters", "MSH|^~\\&#!|", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"one for two", "MSH|^^\\&|", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"the field separator again", "MSH^~\\&^|", "", ""},
		{"zero byte", "MSH^\x00", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"letters", "MSH|abcd|", "hl7v2.delimiters", "MSH-2 (byte 4)"},
		{"quotation mark", "MSH\"^~\\&|", "hl7v2.delimiters", "MSH-1 (byte 3)"},
		{"control character", "MSH\r^~\\&|", "hl7v2.delimiters", "MSH-1 (byte 3)"},
		{"a batch", "FHS|^~\\&|A\rBHS|^~\\&|A\r", "hl7v2.batch", "FHS (byte 0)"},
		{"UTF-16", "\xff\xfeM\x00S\x00H\x00|\x00", "hl7v2.utf16", "MSH (byte 0)"},
		{"UTF-16 without a mark", "M\x00S\x00H\x00|\x00", "hl7v2.utf16", "MSH (byte 0)"},
		{"UTF-16 the other way round", "\x00M\x00S\x00H\x00|", "hl7v2.utf16", "MSH (byte 0)"},
		{"too many fields", msh + "\rOBX" + strings.Repeat("|", MaxFields+1), "hl7v2.too-many-fields", "OBX (byte 51)"},
		{"too many segments", msh + strings.Repeat("\rZZZ", MaxSegments), "hl7v2.too-many-segments", fmt.Sprintf("ZZZ (byte %d)", len(msh)+4*MaxSegments-3)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.raw))
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var f *fault.Fault
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v, want %s", err, c.code)
			}
			f = err.(*fault.Fault)
			if f.Place != c.place {
				t.Errorf("place %q, want %q", f.Place, c.place)
			}
			if _, err := ParseEnvelope([]byte(c.raw)); fault.CodeOf(err) != c.code && !strings.Contains(c.code, "too-many") && c.code != codeBatch {
				t.Errorf("the envelope says %v", err)
			}
		})
	}
}

func TestIssuesAreBounded(t *testing.T) {
	raw := []byte(msh + strings.Repeat("\rNTE|1||a\nb", 1000))
	m, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	is := m.Issues()
	if len(is) != maxIssues || is[maxIssues-1].Code != codeMoreIssues {
		t.Errorf("%d issues, the last %s", len(is), is[len(is)-1].Code)
	}
}

// TestHostileIsLinear reads messages made so that a careless reader takes
// forever; the test run's own limit is the measure.
func TestHostileIsLinear(t *testing.T) {
	const n = 190_000
	for name, raw := range map[string]string{
		"glue everywhere":         msh + strings.Repeat("\rEVN|xPID|1|", n) + "\rPID|1",
		"glue in the header":      msh + strings.Repeat("|xPID|1", MaxFields/2-10) + strings.Repeat("\rDSC", n) + "\rPID|1",
		"every segment wrapped":   msh + strings.Repeat("\rNTE|1||a\nb", n),
		"every segment glued":     msh + "\rOBX|1||" + strings.Repeat("OBX|1||", n),
		"almost glued":            msh + "\rOBX|1||" + strings.Repeat("OBX|x", MaxFields-10),
		"one long wrapped field":  msh + "\rNTE|1||" + strings.Repeat("\na", n),
		"escapes that never end":  msh + "\rNTE|1||" + strings.Repeat("\\X", n),
		"escapes into wide sets":  string(withCharset("~ISO IR87", strings.Repeat("\\M24", n))),
		"many kinds of segments":  msh + manyKinds(n),
		"line feeds only":         msh + strings.Repeat("\nDSC", n),
		"blanks":                  msh + strings.Repeat("\r   ", n),
		"long before the message": strings.Repeat(" \r", n) + msh,
	} {
		m, err := Parse([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		paths := 0
		for _, s := range m.Segments() {
			paths += len(s.Field(1).Path())
		}
		m.Get("NTE-3")
		if _, err := SplitBatch([]byte(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyKinds(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\r%c%c%c|%d", 'A'+i%26, 'A'+i/26%26, 'A'+i/676%26, i)
	}
	return b.String()
}

func TestOccurrence(t *testing.T) {
	m, err := Parse([]byte(msh + manyKinds(3*26*26*26)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Get("QQQ[3]-1") == "" || m.Get("QQQ[4]-1") != "" || m.Get("AAA-1") != "0" {
		t.Error("segments are counted wrongly")
	}
	for i, s := range m.Segments() {
		if i%1000 == 0 && m.Find(s.ID(), s.Occurrence()) != s {
			t.Errorf("segment %d is not the %dth %s", i, s.Occurrence(), s.ID())
		}
	}
}

func TestResetForgets(t *testing.T) {
	var m Message
	if err := m.Reset([]byte("\ufeff" + msh + "\rNTE|1||\xe4\nb\r")); err != nil || len(m.Issues()) != 3 {
		t.Fatal(err, m.Issues())
	}
	if err := m.Reset([]byte(msh + "\rNTE|1||c\r")); err != nil || len(m.Issues()) != 0 || m.Get("NTE-3") != "c" || m.Len() != 2 {
		t.Fatal(err, m.Issues())
	}
	if err := m.Reset([]byte("x")); err == nil || m.Len() != 0 || m.Get("NTE-3") != "" || m.Segment(0).Present() || m.Bytes() != nil {
		t.Fatal(err)
	}
}

func TestAbsentEverywhere(t *testing.T) {
	m, err := Parse([]byte(msh + "\rPID|\"\"|a|||\rDSC\r"))
	if err != nil {
		t.Fatal(err)
	}
	pid := m.Find("PID", 1)
	for _, c := range []struct {
		name          string
		e             Element
		present, null bool
		text          string
	}{
		{"null", pid.Field(1), true, true, `""`},
		{"null component", pid.Field(1).Component(1), true, true, `""`},
		{"value", pid.Field(2), true, false, "a"},
		{"empty", pid.Field(3), false, false, ""},
		{"past the end", pid.Field(9), false, false, ""},
		{"zero", pid.Field(0), false, false, ""},
		{"negative", pid.Field(-1), false, false, ""},
		{"no field", m.Find("DSC", 1).Field(1), false, false, ""},
		{"no segment", m.Find("ZZZ", 1).Field(1), false, false, ""},
		{"second component of a value", pid.Field(2).Component(2), false, false, ""},
		{"second repetition", pid.Field(2).Rep(2), false, false, ""},
		{"parts of nothing", Element{}.Rep(1).Component(1).Sub(1), false, false, ""},
		{"component of a separator", m.Segment(0).Field(2).Component(2), false, false, ""},
		{"first component of delimiters", m.Segment(0).Field(2).Component(1), true, false, "^~\\&"},
	} {
		if c.e.Present() != c.present || c.e.IsNull() != c.null || c.e.Text() != c.text || !bytes.Equal(c.e.Raw(), []byte(c.text)) {
			t.Errorf("%s: present %v, null %v, %q", c.name, c.e.Present(), c.e.IsNull(), c.e.Text())
		}
	}
	if m.Segment(-1).Present() || m.Segment(99).Present() || m.Segment(99).ID() != "" || m.Segment(99).Raw() != nil || m.Segment(99).FieldCount() != 0 {
		t.Error("a segment outside is present")
	}
	if n := pid.FieldCount(); n != 5 {
		t.Errorf("%d fields", n)
	}
	if n := m.Segment(0).FieldCount(); n != 12 {
		t.Errorf("%d fields in MSH", n)
	}
	if pid.Field(2).RepCount() != 1 || pid.Field(3).RepCount() != 0 || m.Segment(0).Field(9).ComponentCount() != 3 {
		t.Error("counts")
	}
}

func TestPaths(t *testing.T) {
	for _, good := range []string{"PID", "PID-3", "PID-3[2].1.2", "OBX[3]-5", "OBX[12]-5[3]", "ZP1-1.1", "MSH-9.2"} {
		if p, err := ParsePath(good); err != nil || p.String() != good {
			t.Errorf("%s: %s %v", good, p, err)
		}
	}
	if p, err := ParsePath("PID-5-1-2"); err != nil || p.String() != "PID-5.1.2" {
		t.Errorf("%s %v", p, err)
	}
	for _, bad := range []string{"", "PI", "pid-3", "PID3", "PID-", "PID-0", "PID-x", "PID-3[", "PID-3[]", "PID-3[1", "PID-3.1.2.3", "PID-3 ", "PID[0]-1", "PID-99999999999999999999", "PID.3"} {
		if p, err := ParsePath(bad); fault.CodeOf(err) != codePath {
			t.Errorf("%q: %v %v", bad, p, err)
		}
	}
	raw := msh + "\rPID|1||a^b&c^d~e^f||\rOBX|1\rOBX|2|x\r"
	m, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for needle, want := range map[string]string{
		"MSH": "MSH", "|^~": "MSH-1", "^~\\&": "MSH-2", "7|P": "MSH-10", "R01^": "MSH-9.2", "a^b": "PID-3[1].1", "c^d": "PID-3[1].2.2",
		"b&": "PID-3[1].2.1", "e^f": "PID-3[2].1", "f|": "PID-3[2].2", "x\r": "OBX[2]-2", "1\rOBX|2": "OBX-1", "OBX|2": "OBX[2]",
	} {
		if got := m.PathAt(strings.Index(raw, needle)); got != want {
			t.Errorf("%q: %s, want %s", needle, got, want)
		}
	}
	for _, s := range m.Segments() {
		for _, f := range s.Fields() {
			for _, r := range f.Reps() {
				for _, c := range r.Components() {
					p, err := ParsePath(c.Path())
					if err != nil || m.At(p).Offset() != c.Offset() || string(m.At(p).Raw()) != string(c.Raw()) {
						t.Errorf("%s leads elsewhere", c.Path())
					}
				}
			}
		}
	}
}

func TestStructure(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"in order", "MSH|^~\\&|||||||ADT^A01|1|P|2.6\rEVN||2026\rPID|1\rPV1||I\r", ""},
		{"two DRG", "MSH|^~\\&|||||||ADT^A03|1|P|2.6\rEVN||2026\rPID|1\rDRG|1\rDRG|2\r", "segment-repeated@DRG[2]@53"},
		{"no PID, no EVN, no version", "MSH|^~\\&|||||||ADT^A03|1|P|1\r", "version@MSH-12@27 segment-missing@EVN@0 segment-missing@PID@0"},
		{"merge of two", "MSH|^~\\&|||||||ADT^A40|1|P|2.6\rEVN||2026\rPID|1\rMRG|1\rPID|2\rMRG|2\r", ""},
		{"report without order", "MSH|^~\\&|||||||ORU^R01|1|P|2.6\rPID|1\r", "segment-missing@OBR@0"},
		{"anything else", "MSH|^~\\&|||||||ZZZ^Z01|1|P|2.6^DEU\r", ""},
	} {
		m, err := Parse([]byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range m.Structure() {
			got = append(got, fmt.Sprintf("%s@%s@%d", strings.TrimPrefix(i.Code, "hl7v2."), i.Field, i.Offset))
			if i.Severity != model.Warning && i.Severity != model.Error {
				t.Errorf("%s: severity %q", c.name, i.Severity)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}
