package hl7v2

import (
	"strings"
	"testing"
)

func withCharset(label, field string) []byte {
	return []byte(msh + "||||||" + label + "\rPID|1||x||" + field + "|after\r")
}

func TestCharsets(t *testing.T) {
	const esc = "\x1b"
	for _, c := range []struct{ name, label, sent, want, issues string }{
		{"ASCII", "ASCII", "Muster", "Muster", ""},
		{"nothing declared, ASCII sent", "", "Muster", "Muster", ""},
		{"nothing declared, UTF-8 sent", "", "Müller", "Müller", "charset-undeclared"},
		{"nothing declared, Latin sent", "", "M\xfcller \x80", "Müller €", "charset-undeclared"},
		{"ASCII declared, UTF-8 sent", "ASCII", "Müller", "Müller", "charset-wrong"},
		{"ASCII declared, Latin sent", "ASCII", "M\xfcller", "Müller", "charset-wrong"},
		{"UTF-8", "UNICODE UTF-8", "Müller 張", "Müller 張", ""},
		{"UTF-8 spelt otherwise", "UTF-8", "Müller", "Müller", ""},
		{"UTF-8 spelt otherwise", "utf8", "Müller", "Müller", ""},
		{"UTF-8 spelt otherwise", "UNICODE_UTF-8", "Müller", "Müller", ""},
		{"UTF-8 spelt otherwise", "UNICODE", "Müller", "Müller", ""},
		{"UTF-8 declared, Latin sent", "UNICODE UTF-8", "M\xfcller", "Müller", "charset-wrong"},
		{"Latin 1", "8859/1", "M\xfcller", "Müller", ""},
		{"Latin 1 spelt otherwise", "ISO-8859-1", "M\xfcller", "Müller", ""},
		{"Latin 1 spelt otherwise", "ISO 8859/1", "M\xfcller", "Müller", ""},
		{"Latin 2", "8859/2", "\xe8esk\xfd", "český", ""},
		{"Latin 3", "8859/3", "\xa1", "Ħ", ""},
		{"Latin 4", "8859/4", "\xe7", "į", ""},
		{"Cyrillic", "8859/5", "\xb8\xd2\xd0\xdd", "Иван", ""},
		{"Arabic", "8859/6", "\xd9\xc4\xea", "عؤي", ""},
		{"Greek", "8859/7", "\xc3\xe9", "Γι", ""},
		{"Hebrew", "8859/8", "\xf9\xec\xe5\xed", "שלום", ""},
		{"Latin 5", "8859/9", "\xfe", "ş", ""},
		{"Latin 9", "8859/15", "\xa4", "€", ""},
		{"Windows", "WINDOWS-1252", "\x80 M\xfcller", "€ Müller", ""},
		{"Windows spelt otherwise", "cp1252", "\x80", "€", ""},
		{"unknown, UTF-8 sent", "KLINGON", "Müller", "Müller", "charset-unknown charset-undeclared"},
		{"unknown, ASCII sent", "KLINGON", "Muster", "Muster", "charset-unknown"},
		{"GB 18030", "GB 18030-2000", "\xcd\xf5\xd0\xa1\xb6\xab", "王小东", ""},
		{"GB 18030 with delimiters inside", "GB18030", "\x81\x7c\x81\x5e\x81\x5c\x81\x7e\x95\x32\x82\x36^x", "亅乛乗亊𠀀^x", ""},
		{"Big5 with delimiters inside", "BIG-5", "\xa5\x7c\xb3\x5c^x", "四許^x", ""},
		{"KS X 1001", "KS X 1001", "\xb1\xe8\xc8\xf1\xc1\xdf", "김희중", ""},
		{"EUC-KR", "EUC-KR", "\xb1\xe8", "김", ""},
		{"Shift JIS with delimiters inside", "SHIFT_JIS", "\x83\x5c\x83\x7c^x", "ソポ^x", ""},
		{"EUC-JP", "EUC-JP", "\xbb\xb3\xc5\xc4", "山田", ""},
		{"IR 87", "~ISO IR87", "Yamada^" + esc + "$B;3ED" + esc + "(B^x", "Yamada^山田^x", ""},
		{"IR 87 with delimiters inside", "ISO IR87", esc + "$B$|%~%^\\\\" + esc + "(B^x", esc + "?", ""},
		{"IR 159", "ASCII~ISO IR159", esc + "$(D0!" + esc + "(B", "丂", ""},
		{"IR 14 katakana", "ISO IR14", "\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ", ""},
		{"IR 14, escaped", "ISO IR14", "100\\E\\\xd4", "100\\ﾔ", ""},
		{"IR 149", "~ISO IR149", esc + "$)C\xb1\xe8\xc8\xf1\xc1\xdf", "김희중", ""},
		{"IR 58", "~ISO IR58", esc + "$)A\xcd\xf5\xd0\xa1\xb6\xab", "王小东", ""},
		{"KS X 1001 by SO and SI", "KS X 1001", "a\x0e1h|^\x0f^x", "a김回^x", ""},
		{"several sets in one field", "8859/1~ISO IR87~8859/5", "M\xfcller=" + esc + "$B;3ED" + esc + "(B=" + esc + "-L\xb8\xd2\xd0\xdd", "Müller=山田=Иван", ""},
		{"sets by \\M and \\C", "UNICODE UTF-8", "M\\M2442\\;3ED\\C2842\\ü", "M山田ü", ""},
		{"sets by \\C in ASCII", "", "\\C2D41\\M\\XFC\\ller", "Müller", ""},
		{"\\M that is none", "", "\\M9999\\x", "\\M9999\\x", ""},
		{"hexadecimal in UTF-8", "UNICODE UTF-8", "M\\XC3BC\\ller", "Müller", ""},
		{"hexadecimal in Latin 1", "8859/1", "M\\XFC\\ller", "Müller", ""},
	} {
		t.Run(c.name+" "+c.label, func(t *testing.T) {
			raw := withCharset(c.label, c.sent)
			m, err := Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Get("PID-5"); got != c.want && c.want != esc+"?" {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := m.Get("PID-6"); got != "after" {
				t.Errorf("the field after it is %q", got)
			}
			if strings.HasSuffix(c.sent, "^x") {
				f := m.Find("PID", 1).Field(5)
				if f.RepCount() != 1 || f.Component(f.ComponentCount()).Text() != "x" {
					t.Errorf("a wide character was cut: %d repetitions, %d components", f.RepCount(), f.ComponentCount())
				}
			}
			var issues []string
			for _, i := range m.Issues() {
				issues = append(issues, strings.TrimPrefix(i.Code, "hl7v2."))
				if i.Offset == 0 || i.Field == "" {
					t.Errorf("%s has no place", i.Code)
				}
			}
			if got := strings.Join(issues, " "); got != c.issues {
				t.Errorf("issues %q, want %q", got, c.issues)
			}
			if err := roundTrip(m, raw); err != nil {
				t.Error(err)
			}
			// Changing another field leaves the wide characters whole.
			out, err := Edit(m).Set("PID-6", "changed").Bytes()
			if err != nil || string(out) != strings.Replace(string(raw), "|after", "|changed", 1) {
				t.Errorf("edited: %q %v", out, err)
			}
		})
	}
}

// TestCharsetsThereAndBack writes texts in each character set and reads them
// again.
func TestCharsetsThereAndBack(t *testing.T) {
	for label, text := range map[string]string{
		"":              "plain | ^ & ~ \\ text",
		"UNICODE UTF-8": "Müller | 張 ^ & 山田",
		"8859/1":        "Müller|ß", "8859/2": "český", "8859/5": "Иван", "8859/7": "Γιώργος", "8859/15": "€",
		"WINDOWS-1252":  "€ Müller",
		"GB 18030-2000": "王小东 亅乛乗亊|𠀀",
		"BIG-5":         "四許|^",
		"ISO IR87":      "Yamada 山田|太郎",
		"KS X 1001":     "김희중|",
		"SHIFT_JIS":     "ソポ|",
	} {
		w := NewBuilder(standard, label)
		w.Segment("MSH").Field(9, "ORU", "R01").Field(10, "1").Field(12, "2.6")
		w.Segment("PID").Field(3, text, "b").Rep("c", text).Field(5, text)
		raw, err := w.Bytes()
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		m, err := Parse(raw)
		if err != nil || len(m.Issues()) > 0 {
			t.Errorf("%s: %v %v", label, err, m.Issues())
			continue
		}
		for _, path := range []string{"PID-3[1].1", "PID-3[2].2", "PID-5"} {
			if got := m.Get(path); got != text {
				t.Errorf("%s: %s is %q, want %q", label, path, got, text)
			}
		}
		if label != "" && lookup([]byte(m.Get("MSH-18"))) != lookup([]byte(label)) {
			t.Errorf("%s: MSH-18 is %q", label, m.Get("MSH-18"))
		}
		out, err := Edit(m).Set("PID-3[2].1", text).Bytes()
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		if m, err = Parse(out); err != nil || m.Get("PID-3[2].1") != text || m.Get("PID-3[2].2") != text {
			t.Errorf("%s: edited to %q %v", label, out, err)
		}
	}
}

func TestEscapes(t *testing.T) {
	for sent, want := range map[string]string{
		"a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f":   "a|b^c&d~e\\f",
		"\\H\\bold\\N\\ plain":              "bold plain",
		"one\\.br\\two\\.sp\\three":         "one\ntwo\nthree",
		"one\\.sp3\\two\\.sp+2\\x":          "one\n\n\ntwo\n\nx",
		"\\.ce\\title\\.sk 3\\x":            "\ntitle   x",
		"\\.in+4\\\\.ti-2\\\\.fi\\x\\.nf\\": "x",
		"\\X41\\\\X0D0A\\\\x42\\":           "A\r\n\\x42\\",
		"\\X4\\ \\X\\ \\XGG\\":              "\\X4\\ \\X\\ \\XGG\\",
		"\\Z01\\ local":                     "\\Z01\\ local",
		"C:\\temp\\file":                    "C:\\temp\\file",
		"end\\":                             "end\\",
		"\\\\":                              "\\\\",
		"\\\\F\\":                           "\\|",
		"\\.sp99999\\":                      "\\.sp99999\\",
		"\\.xx\\":                           "\\.xx\\",
		"\\.":                               "\\.",
		"\\FF\\":                            "\\FF\\",
	} {
		m, err := Parse([]byte(msh + "\rNTE|1||" + sent + "\r"))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Get("NTE-3"); got != want {
			t.Errorf("%q: %q, want %q", sent, got, want)
		}
	}
	for _, d := range []Delimiters{standard, {Field: '$', Component: '%', Repetition: '*', Escape: '@', Sub: '!'}, {Field: '|', Component: '^'}} {
		for _, text := range []string{"a|b^c&d~e\\f#g", "$%*@!", "line\nline", "tab\tx", "ä€", "@F@", "\\F\\"} {
			m := Message{d: d, cs: &utf8Set, escaped: true}
			m.raw = d.AppendEscaped(nil, text)
			m.scan = m.raw
			got := Element{&m, 0, uint32(len(m.raw)), fieldLevel}.Text()
			if got != text && d.Escape != 0 {
				t.Errorf("%q became %q by way of %q", text, got, m.raw)
			}
			for _, c := range m.raw {
				if c == d.Field || c == d.Component || c == '\n' || c == '\r' {
					t.Errorf("%q: %q still has a delimiter", text, m.raw)
				}
			}
		}
	}
	if got := string(standard.AppendEscaped(nil, "\x0b\x1c\r\nx\ry\x7f")); got != "\\X0B\\\\X1C\\\\.br\\x\\.br\\y\\X7F\\" {
		t.Error(got)
	}
}
