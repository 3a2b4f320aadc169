package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// nounText gives the short form of the nouns that stand in tables; known says
// whether v is one.
func nounText(v any) (text string, known bool) {
	switch v := v.(type) {
	case model.Code:
		return cmp.Or(v.Name, v.RefID, v.LOINC), true
	case model.Coding:
		return cmp.Or(v.Text, v.Code), true
	case model.Timestamp:
		if v.UTC.IsZero() {
			return v.Original, true
		}
		at := v.UTC.Local().Format("2006-01-02 15:04:05.000")
		if v.Corrected() { // R16: what was sent, and how sure we are
			at += " (sent " + v.Original + ", clock " + ahead(v.ClockOffsetNS) + " ± " + span(time.Duration(v.UncertaintyNS)) + ")"
		}
		return at, true
	case model.Identifier:
		return v.Value, true
	case model.Value:
		return valueText(v), true
	case *model.Value: // what was sent, where that is not the value
		if v == nil {
			return "", true
		}
		return valueText(*v), true
	case service.FlowEnd:
		return endText(&v), true
	case []service.LabelCandidate:
		codes := make([]string, len(v))
		for i := range v {
			codes[i] = v[i].Code
		}
		return strings.Join(codes, " "), true
	case model.Alert:
		text, _ := nounText(v.Code)
		text = cmp.Or(text, v.Received.Text, v.Received.Code, v.Text)
		for _, more := range []string{v.Phase, v.Priority, v.Muted} {
			if more != "" {
				text += ", " + more
			}
		}
		return text, true
	}
	return "", false
}

func valueText(v model.Value) string {
	switch v.Kind {
	case model.ValueNumber:
		return v.Comparator + v.Number.String()
	case model.ValueRange:
		return v.Number.String() + "–" + v.High.String()
	case model.ValueRatio:
		return v.Number.String() + ":" + v.High.String()
	case model.ValueText:
		return v.Text
	case model.ValueCoded:
		return cmp.Or(v.Code.Name, v.Code.RefID, v.Coding.Text, v.Coding.Code)
	case model.ValueTime:
		return v.Timestamp().Original
	case model.ValueBinary:
		return v.Coding.Code
	}
	return ""
}

// endText says who stands at an end of a connection, and where it is.
func endText(e *service.FlowEnd) string {
	const named = 2 // a line is to stay one
	who := e.Own
	for i, d := range e.Devices[:min(len(e.Devices), named)] {
		if i > 0 {
			who += ", "
		}
		who += string(d.ID)
	}
	if more := e.More + max(len(e.Devices)-named, 0); more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	if who == "" {
		return e.Address
	}
	return strings.TrimSpace(e.Address + " " + who)
}
