package clinical

import (
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/model"
)

// value reads one repetition of OBX-5 by its type, OBX-2 (HL7 table 0125).
// unit is set where the value brings its own (CQ).
func (d *decoder) value(e hl7v2.Element, kind string) (v model.Value, unit model.Coding) {
	switch kind {
	case "NM":
		return d.number(e), unit
	case "SN":
		return d.structured(e), unit
	case "NR":
		return d.span(e), unit
	case "CE", "CWE", "CNE", "CF":
		v.Kind = model.ValueCoded
		v.Coding, _ = d.codings(e)
		if v.Coding == (model.Coding{}) {
			_, v.Coding = d.codings(e)
		}
		if v.Coding == (model.Coding{}) {
			v = model.Value{Kind: model.ValueText, Text: d.joined(e)}
		}
	case "IS", "ID":
		v = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: d.text(e)}}
	case "DT", "TS", "DTM":
		v = d.timeValue(e)
	case "DR":
		v = d.timeValue(e.Component(1).Sub(1))
		v.Text = d.joined(e)
	case "ED":
		v = d.encapsulated(e)
	case "RP":
		v = model.Value{Kind: model.ValueText, Text: d.text(e.Component(1)), Coding: model.Coding{Code: media(d.text(e.Component(3)), d.text(e.Component(4)))}}
	case "CQ", "MO":
		v = d.number(e.Component(1))
		unit = model.Coding{Code: d.text(e.Component(2).Sub(1)), Text: d.text(e.Component(2).Sub(2)), System: d.text(e.Component(2).Sub(3))}
	case "ST", "TX", "FT", "TM", "TN", "":
		v = model.Value{Kind: model.ValueText, Text: d.joined(e)}
	case "EI", "CX", "CK", "HD", "XCN", "CN", "XPN", "PN", "PPN", "XON", "XAD", "AD", "SAD", "XTN", "PL", "CP", "SI", "RI", "TQ", "JCC", "FC", "DLN", "VR", "VID", "OG", "GTS", "NUL":
		v = model.Value{Kind: model.ValueText, Text: d.joined(e)} // a compound nobody measures: its parts with ^ between them
	default:
		d.issueAt(d.f[2], "decode.value-type", model.Warning, "not a value type of HL7 table 0125; the value was kept as text", "the sender should give the type of OBX-5 in OBX-2").Received = kind
		v = model.Value{Kind: model.ValueText, Text: d.joined(e)}
	}
	if v.Kind == model.ValueText && v.Text == "" {
		v = model.Value{}
	}
	return v, unit
}

// timeValue reads a time; package normalise finds out which.
func (d *decoder) timeValue(e hl7v2.Element) model.Value {
	v := model.Value{Kind: model.ValueTime}
	if at := d.sent(e); at.Original != "" {
		v.Time = &at
	}
	return v
}

// number reads NM. Devices also send "<5", ">= 300" and texts that mean that
// there is nothing; a text that is no number stays a text, with an issue.
func (d *decoder) number(e hl7v2.Element) model.Value {
	t := d.text(e)
	if t == "" {
		return model.Value{}
	}
	if n, err := model.ParseDecimal(t); err == nil {
		return model.Value{Kind: model.ValueNumber, Number: n}
	}
	if c, rest := comparator(t); c != "" {
		if n, err := model.ParseDecimal(rest); err == nil {
			d.issueAt(e, "decode.comparator-in-number", model.Warning, "a comparator stands in a number; it was read as one", "the sender should use the value type SN")
			return model.Value{Kind: model.ValueNumber, Number: n, Comparator: c}
		}
	}
	if nothing(t) {
		d.why = reasonOf(t)
		d.issueAt(e, "decode.text-for-nothing", model.Warning, "a text that means that there is no value stands in a number; it was read as absent", "the sender should leave OBX-5 empty and say why in OBX-8")
		return model.Value{}
	}
	if n, err := model.ParseDecimal(strings.Replace(t, ",", ".", 1)); err == nil && strings.Count(t, ",") == 1 && !strings.Contains(t, ".") && len(t)-strings.IndexByte(t, ',') != 4 {
		d.issueAt(e, "decode.decimal-comma", model.Warning, "the number has a comma; it was read as a decimal point", "the sender should write a point")
		return model.Value{Kind: model.ValueNumber, Number: n}
	}
	d.issueAt(e, "decode.not-a-number", model.Error, "the value is said to be a number, but is none of at most 18 digits; it was kept as text", "the sender should send a number or another value type")
	return model.Value{Kind: model.ValueText, Text: d.joined(e)}
}

func comparator(t string) (c, rest string) {
	for _, c := range [...]string{"<=", ">=", "<", ">"} {
		if rest, ok := strings.CutPrefix(t, c); ok {
			return c, strings.TrimSpace(rest)
		}
	}
	return "", t
}

// reasonOf is FHIR's data-absent-reason of a text that says that there is no
// number.
func reasonOf(t string) string {
	switch strings.ToUpper(t) {
	case "NAN":
		return "not-a-number"
	case "INF", "+INF":
		return "positive-infinity"
	case "-INF":
		return "negative-infinity"
	case "INVALID":
		return "error"
	}
	return "unknown"
}

// nothing recognises the ways to write that there is no number.
func nothing(t string) bool {
	if strings.Trim(t, "-*?._#/ ") == "" {
		return true
	}
	switch strings.ToUpper(t) {
	case "NAN", "NULL", "NIL", "NA", "N/A", "NONE", "INF", "-INF", "+INF", "INVALID", "UNKNOWN", "UNDEFINED":
		return true
	}
	return false
}

// structured reads SN: comparator, number, separator or suffix, number
// (HL7 v2.5.1 §2.A.69).
func (d *decoder) structured(e hl7v2.Element) model.Value {
	c, first, sep, second := d.text(e.Component(1)), d.text(e.Component(2)), d.text(e.Component(3)), d.text(e.Component(4))
	low, err := model.ParseDecimal(first)
	text := model.Value{Kind: model.ValueText, Text: d.joined(e)}
	if text.Text == "" {
		return model.Value{}
	}
	if first == "" && sep == "" && second == "" { // "<0.10" all in SN-1
		if c, rest := comparator(c); c != "" || rest != "" {
			if n, err := model.ParseDecimal(rest); err == nil {
				d.issueAt(e, "decode.comparator-in-number", model.Warning, "the structured number stands in its first component alone; it was read as meant", "the sender should send comparator and number as two components")
				return model.Value{Kind: model.ValueNumber, Number: n, Comparator: c}
			}
		}
	}
	if err != nil {
		d.issueAt(e, "decode.not-a-number", model.Error, "the structured number has no number in its second component; it was kept as text", "the sender should fill SN-2")
		return text
	}
	switch c {
	case "", "<", "<=", ">", ">=":
	case "=":
		c = ""
	default:
		return text // "<>" is not a value anybody could use
	}
	high, err := model.ParseDecimal(second)
	switch {
	case second == "" && sep == "":
		return model.Value{Kind: model.ValueNumber, Number: low, Comparator: c}
	case second == "" || err != nil || c != "":
		return text // "3+", or more than we can say
	case sep == "-":
		return model.Value{Kind: model.ValueRange, Number: low, High: high}
	case sep == ":" || sep == "/":
		return model.Value{Kind: model.ValueRatio, Number: low, High: high}
	}
	return text
}

// span reads NR, low ^ high; one of them may be missing.
func (d *decoder) span(e hl7v2.Element) model.Value {
	a, b := d.text(e.Component(1)), d.text(e.Component(2))
	low, err1 := model.ParseDecimal(a)
	high, err2 := model.ParseDecimal(b)
	switch {
	case a == "" && b == "":
		return model.Value{}
	case err1 == nil && err2 == nil:
		return model.Value{Kind: model.ValueRange, Number: low, High: high}
	case err1 == nil && b == "":
		return model.Value{Kind: model.ValueNumber, Number: low, Comparator: ">="}
	case err2 == nil && a == "":
		return model.Value{Kind: model.ValueNumber, Number: high, Comparator: "<="}
	}
	d.issueAt(e, "decode.not-a-number", model.Error, "the range has a bound that is not a number; it was kept as text", "the sender should send numbers")
	return model.Value{Kind: model.ValueText, Text: d.joined(e)}
}

// encapsulated reads ED: source ^ type ^ subtype ^ encoding ^ data.
func (d *decoder) encapsulated(e hl7v2.Element) model.Value {
	v := model.Value{Kind: model.ValueBinary, Text: d.text(e.Component(5)), Coding: model.Coding{
		Code: media(d.text(e.Component(2)), d.text(e.Component(3))), System: d.text(e.Component(1).Sub(1)), Text: d.text(e.Component(4))}}
	if v.Text == "" {
		return model.Value{Kind: model.ValueText, Text: d.joined(e)}
	}
	if strings.EqualFold(v.Coding.Text, "A") { // HL7 table 0299: as it is
		v.Kind = model.ValueText
	}
	return v
}

// media is the media type of an ED or RP, where it can be said.
func media(kind, sub string) string {
	kind, sub = strings.ToLower(kind), strings.ToLower(sub)
	switch {
	case kind == "" && sub == "":
		return ""
	case strings.Contains(sub, "/"):
		return sub
	case kind == "" || kind == "ap" || kind == "application":
		return "application/" + sub
	case sub == "":
		return kind
	case kind == "im" || kind == "image":
		return "image/" + sub
	case kind == "tx" || kind == "text" || kind == "ft":
		return "text/" + sub
	}
	return kind + "/" + sub
}
