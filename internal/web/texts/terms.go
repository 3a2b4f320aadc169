package texts

import "thalamus/internal/mdc"

// Term gives the name of a metric in the language: that of the table of
// metrics, where the table knows it by this code and name; else the name as it
// is, for example one that a house gave it.
func (l *Language) Term(refID, name string) string {
	t, ok := mdc.ByRefID(refID)
	if !ok || name != t.Name {
		return name
	}
	switch {
	case l.Tag == "de" && t.German != "":
		return t.German
	case l.Tag == "fr" && t.French != "":
		return t.French
	}
	return name
}
