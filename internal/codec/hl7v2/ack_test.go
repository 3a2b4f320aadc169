package hl7v2

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

var ackTime = time.Date(2026, 1, 31, 10, 11, 12, 0, time.FixedZone("", 3600))

// TestAck shows an acknowledgement in each version's form.
func TestAck(t *testing.T) {
	problem := AckError{
		Place: Path{Segment: "PID", Occurrence: 1, Field: 3, Rep: 2, Component: 1}, Code: ErrRequiredField,
		Application: "hl7v2.no-type", Diagnostic: "PID-3 is empty", UserMessage: "Fill the patient's number",
	}
	ask := func(version, rest string) string {
		return "MSH|^~\\&|PUMP^0012^EUI-64|WARD|HUB|SITE|20260131101112||ORU^R01^ORU_R01|Q\\T\\1|P|" + version + rest + "\rPID|1\r"
	}
	for _, c := range []struct {
		name, request string
		reply         Reply
		want          []string
	}{
		{"accepted, 2.6", ask("2.6", "|||AL|NE||UNICODE UTF-8"), Reply{Code: CA}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.6||||||UNICODE UTF-8",
			"MSA|CA|Q\\T\\1"}},
		{"accepted, 2.1", ask("2.1", ""), Reply{Code: AA}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112||ACK|A1|P|2.1", "MSA|AA|Q\\T\\1"}},
		{"accepted, 2.3", ask("2.3", ""), Reply{Code: AA}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01|A1|P|2.3", "MSA|AA|Q\\T\\1"}},
		{"refused, 2.2", ask("2.2", ""), Reply{Code: AR, Text: "no", Errors: []AckError{problem}}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112||ACK^R01|A1|P|2.2",
			"MSA|AR|Q\\T\\1|no", "ERR|PID^1^3^101&Required field missing&HL70357"}},
		{"refused, 2.3.1", ask("2.3.1", ""), Reply{Code: AE, Text: "a|b", Errors: []AckError{problem}}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.3.1",
			"MSA|AE|Q\\T\\1|a\\F\\b|||101^Required field missing^HL70357", "ERR|PID^1^3^101&Required field missing&HL70357"}},
		{"refused, 2.5.1", ask("2.5.1", ""), Reply{Code: AR, Text: "no", Errors: []AckError{problem}}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.5.1",
			"MSA|AR|Q\\T\\1|no",
			"ERR||PID^1^3^2^1|101^Required field missing^HL70357|E|hl7v2.no-type||PID-3 is empty|Fill the patient's number"}},
		{"refused, 2.8, two errors", ask("2.8^DEU", ""), Reply{Code: CR, Text: "no", Errors: []AckError{problem, {Code: ErrTableValue, Severity: "W", Place: Path{Segment: "OBX", Occurrence: 4}}}}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.8^DEU",
			"MSA|CR|Q\\T\\1",
			"ERR||PID^1^3^2^1|101^Required field missing^HL70357|E|hl7v2.no-type||PID-3 is empty|Fill the patient's number",
			"ERR||OBX^4|103^Table value not found^HL70357|W||||no"}},
		{"refused without an error of its own", ask("2.6", ""), Reply{Code: CE, Text: "The disk is full, send again"}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.6",
			"MSA|CE|Q\\T\\1|The disk is full, send again", "ERR|||207^Application internal error^HL70357|E||||The disk is full, send again"}},
		{"other delimiters", "MSH$%~*@$A$B$C$D$2026$$ORU%R01$7$P$2.6\r", Reply{Code: AE, Text: "a$b|c"}, []string{
			"MSH$%~*@$C$D$A$B$20260131101112+0100$$ACK%R01%ACK$A1$P$2.6", "MSA$AE$7$a*F*b|c", "ERR$$$207%Application internal error%HL70357$E$$$$a*F*b|c"}},
		{"no receiver, no version, no id", "MSH|^~\\&|A|B|||||ORU|||\r", Reply{Code: AR, Text: "no id", Application: "THALAMUS", Facility: "X&Y"}, []string{
			"MSH|^~\\&|THALAMUS|X\\T\\Y|A|B|20260131101112+0100||ACK|A1|P|2.5", "MSA|AR||no id", "ERR|||207^Application internal error^HL70357|E||||no id"}},
		{"text in the request's character set", strings.Replace(ask("2.6", ""), "|2.6", "|2.6||||||8859/1", 1), Reply{Code: AE, Text: "größer 張"}, []string{
			"MSH|^~\\&|HUB|SITE|PUMP^0012^EUI-64|WARD|20260131101112+0100||ACK^R01^ACK|A1|P|2.6||||||8859/1",
			"MSA|AE|Q\\T\\1|gr\xf6\xdfer ?", "ERR|||207^Application internal error^HL70357|E||||gr\xf6\xdfer ?"}},
		{"a batch", "BHS|^~\\&|A|B|C|D|2026||x||B7\rMSH|", Reply{Code: AA}, []string{
			"MSH|^~\\&|C|D|A|B|20260131101112+0100||ACK|A1|P|2.5", "MSA|AA|B7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, err := ParseEnvelope([]byte(c.request))
			if err != nil {
				t.Fatal(err)
			}
			c.reply.ControlID, c.reply.Now = "A1", ackTime
			got := Ack(env, c.reply)
			if want := strings.Join(c.want, "\r") + "\r"; string(got) != want {
				t.Errorf("\n%q, want\n%q", got, want)
			}
			a, err := ParseAck(got)
			if err != nil || a.Code != c.reply.Code || a.Own != "A1" || a.ControlID != strings.ReplaceAll(string(env.ControlID), "\\T\\", "&") {
				t.Errorf("read back as %+v %v", a, err)
			}
			if len(c.reply.Errors) > 0 {
				e := a.Errors[0]
				if e.Place.Segment != "PID" || e.Place.Field != 3 || e.Code != ErrRequiredField || len(a.Errors) != len(c.reply.Errors) || a.Text == "" {
					t.Errorf("read back as %+v", a)
				}
			}
		})
	}
}

func TestAckOfWhatCannotBeRead(t *testing.T) {
	got := Ack(Envelope{}, Reply{Code: AR, Text: "this is not HL7", ControlID: "1", Now: ackTime, Application: "THALAMUS"})
	want := "MSH|^~\\&|THALAMUS||||20260131101112+0100||ACK|1|P|2.5\rMSA|AR||this is not HL7\rERR|||207^Application internal error^HL70357|E||||this is not HL7\r"
	if string(got) != want {
		t.Errorf("%q", got)
	}
}

func TestParseAck(t *testing.T) {
	const head = "MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.3\r"
	for _, c := range []struct {
		raw, code string
		want      Answer
	}{
		{head + "MSA|AA|7\r", "", Answer{Code: AA, ControlID: "7", Own: "9"}},
		{head + "MSA| AE |7|busy\r", "", Answer{Code: AE, ControlID: "7", Text: "busy", Own: "9"}},
		{"MSH|^~\\&|A||||2026||ACK||P|2.3\nMSA|CR|7\n", "", Answer{Code: CR, ControlID: "7"}},
		{head + "MSA|XX|7\r", codeNotAck, Answer{Code: "XX", ControlID: "7", Own: "9"}},
		{head + "MSA\r", codeNotAck, Answer{Own: "9"}},
		{head + "PID|1\r", codeNotAck, Answer{}},
		{"OK", codeNotHL7, Answer{}},
		{"", codeEmpty, Answer{}},
	} {
		got, err := ParseAck([]byte(c.raw))
		if (c.code != "" || err != nil) && fault.CodeOf(err) != c.code {
			t.Errorf("%q: %v", c.raw, err)
		}
		if got.Code != c.want.Code || got.ControlID != c.want.ControlID || got.Text != c.want.Text || got.Own != c.want.Own {
			t.Errorf("%q: %+v", c.raw, got)
		}
	}
	got, err := ParseAck([]byte(head + "MSA|AE|7||||102^Data type error^HL70357\r"))
	if err != nil || len(got.Errors) != 1 || got.Errors[0].Code != 102 || got.Text != "Data type error" {
		t.Errorf("%+v %v", got, err)
	}
	if !AA.Accepted() || !CA.Accepted() || AE.Accepted() || CR.Accepted() {
		t.Error("Accepted")
	}
}

func TestEnvelope(t *testing.T) {
	raw := bedsideORU(1)
	e, err := ParseEnvelope(append([]byte("\x0b\r\n"), raw...))
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]string{
		"MSH-3": {string(e.SendingApp), "VITALGATE^00A0370011223344^EUI-64"}, "MSH-4": {string(e.SendingFacility), "THALAMUS SIM"},
		"MSH-5": {string(e.ReceivingApp), "RECORD"}, "MSH-6": {string(e.ReceivingFacility), "WARD"},
		"MSH-7": {string(e.Time), "20260131101112.250+0100"}, "MSH-9": {string(e.Type), "ORU^R01^ORU_R01"},
		"MSH-9.1": {string(e.Code()), "ORU"}, "MSH-9.2": {string(e.Trigger()), "R01"},
		"MSH-10": {string(e.ControlID), "S0000000042"}, "MSH-11": {string(e.Processing), "P"}, "MSH-12": {string(e.VersionID()), "2.6"},
		"MSH-15": {string(e.AcceptAck), "AL"}, "MSH-16": {string(e.ApplicationAck), "NE"}, "MSH-18": {string(e.Charset), "UNICODE UTF-8"},
		"segment": {e.Segment, "MSH"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", name, pair[0], pair[1])
		}
	}
	if !e.Enhanced() || e.Batch() || e.Check() != nil {
		t.Error("enhanced, no batch, complete")
	}
	for raw, code := range map[string]string{
		"MSH|^~\\&|||||||ORU|":            codeNoControlID,
		"MSH|^~\\&|||||||ORU| |P":         codeNoControlID,
		"MSH|^~\\&|||||||^R01|1|P":        codeNoType,
		`MSH|^~\&|||||||""^R01|1|P`:       codeNoType,
		"MSH|^~\\&|||||||ORU\rPID|1|7|P|": codeNoControlID,
	} {
		e, err := ParseEnvelope([]byte(raw))
		if err != nil || fault.CodeOf(e.Check()) != code {
			t.Errorf("%q: %v %v", raw, err, e.Check())
		}
	}
	if e, err := ParseEnvelope([]byte("FHS|^~\\&|A||||2026||x|y|F1\r")); err != nil || !e.Batch() || string(e.ControlID) != "F1" || e.Check() != nil {
		t.Errorf("%+v %v", e, err)
	}
}
