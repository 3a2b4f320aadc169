package hl7v2

import (
	"testing"

	"thalamus/internal/fault"
)

func TestBuilder(t *testing.T) {
	w := NewBuilder(standard, "UNICODE UTF-8")
	w.Segment("MSH").Field(3, "APP", "00A0", "EUI-64").Field(9, "ORU", "R01", "ORU_R01").Field(10, "17").Field(11, "P").Field(12, "2.6").Field(21, "IHE_PCD_001")
	w.Segment("PID").Field(3, "4711", "", "", "H&A", "PI").Rep("4712").Null(4).Field(5, "Müller", "A\nB", "").Field(9).Field(11, "")
	w.Segment("OBX").Field(1, "1").Field(3, "a").Subs("H", "1.2").Raw(5, []byte("1^2\\F\\")).Field(30, "x")
	w.Segment("DSC")
	got, err := w.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := "MSH|^~\\&|APP^00A0^EUI-64||||||ORU^R01^ORU_R01|17|P|2.6||||||UNICODE UTF-8|||IHE_PCD_001\r" +
		"PID|||4711^^^H\\T\\A^PI~4712|\"\"|Müller^A\\.br\\B\r" +
		"OBX|1||a^H&1.2||1^2\\F\\|||||||||||||||||||||||||x\rDSC\r"
	if string(got) != want {
		t.Errorf("\n%q, want\n%q", got, want)
	}
	w.Reset(Delimiters{Field: '$', Component: '%', Repetition: '*', Escape: '@', Sub: '!'}, "")
	w.Segment("BHS").Field(11, "7")
	w.Segment("MSH")
	w.Segment("PID").Field(1, "$%*@!|")
	got, err = w.Bytes()
	if want := "BHS$%*@!$$$$$$$$$7\rMSH$%*@!\rPID$@F@@S@@R@@E@@T@|\r"; err != nil || string(got) != want {
		t.Errorf("%q %v", got, err)
	}
}

func TestBuilderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *Builder)
		code string
	}{
		"a wrong id":            {func(w *Builder) { w.Segment("pid") }, codeBuild},
		"a long id":             {func(w *Builder) { w.Segment("PIDX") }, codeBuild},
		"fields out of order":   {func(w *Builder) { w.Segment("PID").Field(3, "a").Field(2, "b") }, codeBuild},
		"the delimiters":        {func(w *Builder) { w.Segment("MSH").Field(2, "b") }, codeBuild},
		"a field and no seg":    {func(w *Builder) { w.Field(2, "b") }, codeBuild},
		"a repetition of none":  {func(w *Builder) { w.Segment("PID").Rep("b") }, codeBuild},
		"subs of none":          {func(w *Builder) { w.Segment("PID").Subs("b") }, codeBuild},
		"field 0":               {func(w *Builder) { w.Segment("PID").Field(0, "b") }, codeBuild},
		"a line end":            {func(w *Builder) { w.Segment("PID").Raw(1, []byte("a\rOBX")) }, codeBuild},
		"a field far out":       {func(w *Builder) { w.Segment("PID").Field(MaxFields+1, "b") }, codeBuild},
		"no such character":     {func(w *Builder) { w.Reset(standard, "8859/1"); w.Segment("PID").Field(1, "張") }, codeUnencodable},
		"no such character, 7":  {func(w *Builder) { w.Segment("PID").Field(1, "ä") }, codeUnencodable},
		"no such character, GB": {func(w *Builder) { w.Reset(standard, "ISO IR87"); w.Segment("PID").Field(1, "𠀀") }, codeUnencodable},
		"no such set":           {func(w *Builder) { w.Reset(standard, "KLINGON"); w.Segment("PID") }, codeBuild},
	} {
		w := NewBuilder(standard, "")
		c.do(w)
		if out, err := w.Bytes(); fault.CodeOf(err) != c.code || out != nil {
			t.Errorf("%s: %q %v", name, out, err)
		}
	}
}

func TestEditor(t *testing.T) {
	const raw = "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|2|x\rDSC"
	for _, c := range []struct {
		name string
		do   func(e *Editor)
		want string
	}{
		{"nothing", func(e *Editor) {}, raw},
		{"a field", func(e *Editor) { e.Set("PID-1", "7|8") }, "\rMSH|^~\\&|A|B\n\nPID|7\\F\\8||a^b&c~d\r\nOBX|1\rOBX|2|x\rDSC"},
		{"a header field", func(e *Editor) { e.Set("MSH-4", "C").Set("MSH-10", "9") }, "\rMSH|^~\\&|A|C||||||9\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|2|x\rDSC"},
		{"a component of the first repetition", func(e *Editor) { e.Set("PID-3.2.2", "C") }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&C~d\r\nOBX|1\rOBX|2|x\rDSC"},
		{"a component that was missing", func(e *Editor) { e.Set("PID-3[2].3.2", "e") }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d^^&e\r\nOBX|1\rOBX|2|x\rDSC"},
		{"a repetition that was missing", func(e *Editor) { e.Set("PID-3[4]", "e") }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d~~e\r\nOBX|1\rOBX|2|x\rDSC"},
		{"the whole field", func(e *Editor) { e.SetRaw("PID-3", []byte("z^y")) }, "\rMSH|^~\\&|A|B\n\nPID|1||z^y\r\nOBX|1\rOBX|2|x\rDSC"},
		{"the whole first repetition", func(e *Editor) { e.Set("PID-3[1]", "z") }, "\rMSH|^~\\&|A|B\n\nPID|1||z~d\r\nOBX|1\rOBX|2|x\rDSC"},
		{"a later segment", func(e *Editor) { e.Set("OBX[2]-4", "q").Null("OBX[2]-1") }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|\"\"|x||q\rDSC"},
		{"a segment without fields", func(e *Editor) { e.Set("DSC-2", "q") }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|2|x\rDSC||q"},
		{"a new segment", func(e *Editor) { e.Insert("OBX", 1, []byte("NTE|1\r")) }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rNTE|1\rOBX|2|x\rDSC"},
		{"a new segment after the last of its kind", func(e *Editor) { e.Insert("OBX", 0, []byte("NTE|1")) }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|2|x\rNTE|1\rDSC"},
		{"a new segment at the end", func(e *Editor) { e.Insert("DSC", 1, []byte("NTE|1")) }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|1\rOBX|2|x\rDSC\rNTE|1"},
		{"one segment less", func(e *Editor) { e.Delete("OBX", 1) }, "\rMSH|^~\\&|A|B\n\nPID|1||a^b&c~d\r\nOBX|2|x\rDSC"},
	} {
		m, err := Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		e := Edit(m)
		c.do(e)
		got, err := e.Bytes()
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n%q, want\n%q %v", c.name, got, c.want, err)
		}
		if string(m.Bytes()) != raw {
			t.Fatalf("%s: the message itself was changed", c.name)
		}
	}
}

func TestEditorRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(e *Editor)
		code string
	}{
		"a wrong path":          {func(e *Editor) { e.Set("PID.3", "a") }, codePath},
		"a path without field":  {func(e *Editor) { e.Set("PID", "a") }, codePath},
		"no such segment":       {func(e *Editor) { e.Set("PID[2]-1", "a") }, codePath},
		"the delimiters":        {func(e *Editor) { e.Set("MSH-2", "a") }, codeBuild},
		"a line end":            {func(e *Editor) { e.SetRaw("PID-1", []byte("a\n")) }, codeBuild},
		"a path too far":        {func(e *Editor) { e.Set("PID-900000", "a") }, codePath},
		"no such character":     {func(e *Editor) { e.Set("PID-1", "ä") }, codeUnencodable},
		"two segments at once":  {func(e *Editor) { e.Insert("PID", 1, []byte("NTE|1\rNTE|2\r")) }, codeBuild},
		"no segment":            {func(e *Editor) { e.Insert("PID", 1, []byte("n")) }, codeBuild},
		"after no such segment": {func(e *Editor) { e.Insert("ZZZ", 0, []byte("NTE|1")) }, codePath},
		"the header away":       {func(e *Editor) { e.Delete("MSH", 1) }, codePath},
		"a segment not there":   {func(e *Editor) { e.Delete("OBX", 1) }, codePath},
	} {
		m, err := Parse([]byte(msh + "\rPID|1\r"))
		if err != nil {
			t.Fatal(err)
		}
		e := Edit(m)
		c.do(e)
		if out, err := e.Bytes(); fault.CodeOf(err) != c.code || out != nil {
			t.Errorf("%s: %q %v", name, out, err)
		}
	}
}
