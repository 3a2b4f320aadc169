package hl7v2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/fault"
)

func TestSplitBatch(t *testing.T) {
	one := func(id int) string { return fmt.Sprintf("MSH|^~\\&|A|B|C|D|2026||ORU^R01|%d|P|2.6\rPID|%d\r", id, id) }
	other := "MSH$%~*@$A$B$C$D$2026$$ORU%R01$9$P$2.6\rPID$9\r"
	for _, c := range []struct {
		name, raw string
		messages  []string
		header    string
		issues    string
	}{
		{"one message", one(1), []string{one(1)}, "", ""},
		{"one message with dirt before it", "\x0b\n" + one(1), []string{"\x0b\n" + one(1)}, "", ""},
		{"several messages, no batch", one(1) + one(2) + other, []string{one(1), one(2), other}, "", ""},
		{"a batch", "BHS|^~\\&|A\r" + one(1) + one(2) + "BTS|2\r", []string{one(1), one(2)}, "BHS|^~\\&|A", ""},
		{"LF", strings.ReplaceAll("BHS|^~\\&|A\r"+one(1)+"BTS|1\r", "\r", "\n"), []string{strings.ReplaceAll(one(1), "\r", "\n")}, "BHS|^~\\&|A", ""},
		{"CRLF, blanks", strings.ReplaceAll("\ufeffBHS|^~\\&|A\r"+one(1)+" BTS|1\r", "\r", "\r\n"), []string{strings.ReplaceAll(one(1), "\r", "\r\n") + " "}, "BHS|^~\\&|A", ""},
		{"a file of two batches", "FHS|^~\\&|F\rBHS|^~\\&|A\r" + one(1) + "BTS|1\rBHS|^~\\&|B\r" + one(2) + one(3) + "BTS|2\rFTS|2\r", []string{one(1), one(2), one(3)}, "FHS|^~\\&|F", ""},
		{"a file without batches", "FHS|^~\\&|F\r" + one(1) + "FTS\r", []string{one(1)}, "FHS|^~\\&|F", ""},
		{"an empty batch", "FHS|^~\\&|F\rBHS|^~\\&|A\rBTS|0\rFTS|1\r", nil, "FHS|^~\\&|F", ""},
		{"messages with other delimiters", "BHS|^~\\&|A\r" + other + one(1) + "BTS|2\r", []string{other, one(1)}, "BHS|^~\\&|A", ""},
		{"batch with other delimiters", "BHS#^~\\&#A\r" + one(1) + "BTS#1\r", []string{one(1)}, "BHS#^~\\&#A", ""},
		{"wrong counts", "FHS|^~\\&|F\rBHS|^~\\&|A\r" + one(1) + "BTS|3\rFTS|x\r", []string{one(1)}, "FHS|^~\\&|F", "batch-count@BTS-1 batch-count@FTS-1"},
		{"no trailer", "BHS|^~\\&|A\r" + one(1), []string{one(1)}, "BHS|^~\\&|A", "batch-open@"},
		{"no header", one(1) + "BTS|1\r", []string{one(1)}, "", "batch-open@BTS-1"},
		{"a segment in no message", "BHS|^~\\&|A\rPID|1\rPID|2\r" + one(1) + "BTS|1\r", []string{one(1)}, "BHS|^~\\&|A", "batch-stray@"},
		{"framing at the end", "BHS|^~\\&|A\r" + one(1) + "BTS|1\r\x1c\r", []string{one(1)}, "BHS|^~\\&|A", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := SplitBatch([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Messages) != len(c.messages) {
				t.Fatalf("%d messages: %q", len(b.Messages), b.Messages)
			}
			for i, m := range b.Messages {
				if string(m) != c.messages[i] {
					t.Errorf("message %d is %q, want %q", i, m, c.messages[i])
				}
				if _, err := Parse(m); err != nil {
					t.Error(err)
				}
			}
			if string(b.Header) != c.header {
				t.Errorf("header %q", b.Header)
			}
			var issues []string
			for _, i := range b.Issues {
				issues = append(issues, strings.TrimPrefix(i.Code, "hl7v2.")+"@"+i.Field)
			}
			if got := strings.Join(issues, " "); got != c.issues {
				t.Errorf("issues %q, want %q", got, c.issues)
			}
		})
	}
	for raw, code := range map[string]string{"": codeEmpty, "hello": codeNotHL7, "BTS|1": codeNoHeader, "BHS|": codeHeaderShort, "FHS|abc|": codeDelimiters} {
		if _, err := SplitBatch([]byte(raw)); fault.CodeOf(err) != code {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestSplitBatchIsLinear(t *testing.T) {
	raw := append([]byte("BHS|^~\\&|A\n"), bytes.Repeat([]byte("MSH|^~\\&|A\n"), 100_000)...)
	b, err := SplitBatch(raw)
	if err != nil || len(b.Messages) != 100_000 {
		t.Fatal(len(b.Messages), err)
	}
}
