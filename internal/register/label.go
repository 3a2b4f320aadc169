package register

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Labels is the set of labels that people mapped (R15).
func Labels() Set[model.Label] {
	return Set[model.Label]{
		Kind: "label",
		id:   func(l model.Label) string { return string(l.ID) },
		check: func(l model.Label) error {
			for _, f := range []struct{ key, text string }{{"label", l.Label}, {"code", l.Code}} {
				if strings.TrimSpace(f.text) == "" {
					return fault.New(fault.Invalid, "register.incomplete", "a label needs what it is called and the code it means").At(f.key)
				}
			}
			for _, f := range []struct{ key, text string }{{"label", l.Label}, {"unit", l.Unit}, {"manufacturer", l.Manufacturer}, {"model", l.Model}, {"profile", l.Profile}, {"note", l.Note}} {
				if len(f.text) > longestLabel {
					return fault.New(fault.Invalid, "register.incomplete", "no more than %d bytes are allowed here", longestLabel).At(f.key)
				}
			}
			return nil
		},
	}
}

// longestLabel bounds each text of a label, in bytes.
const longestLabel = 96

// LabelIDOf gives a label without an id one that follows from its scope, so
// that mapping the same label again changes the mapping there is.
func LabelIDOf(l model.Label) model.LabelID {
	fold := func(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
	sum := sha256.Sum256([]byte(strings.Join([]string{fold(l.Label), strings.TrimSpace(l.Unit), string(l.Channel), fold(l.Manufacturer), fold(l.Model), l.Profile}, "\x00")))
	return model.LabelID("lab-" + hex.EncodeToString(sum[:6]))
}
