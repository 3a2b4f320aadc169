package cli

import (
	"cmp"

	"thalamus/internal/model"
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
		return v.UTC.Local().Format("2006-01-02 15:04:05.000"), true
	case model.Identifier:
		return v.Value, true
	case model.Value:
		return valueText(v), true
	case model.Alert:
		text, _ := nounText(v.Code)
		for _, more := range []string{v.Phase, v.Priority, v.Muted} {
			if more != "" {
				text += ", " + more
			}
		}
		return cmp.Or(text, v.Received.Text, v.Text), true
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
