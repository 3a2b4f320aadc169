package patients

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"sort"
	"strings"

	"thalamus/internal/model"
)

// An identity key is "class|authority|value". Medical record numbers and
// internal numbers (MR, PI, PT and none, HL7 table 0203) are one class, p: an
// authority that calls the same number MR in one message and PI in the next
// means one person. Every other type is its own class. A number without an
// authority belongs to the site's own, or stays apart where none is set.

// strength orders classes: what names a person first.
func strength(class string) int {
	switch class {
	case "p":
		return 0
	case "NI", "NH", "SS", "HC", "PPN", "DL", "NNGBR", "NNDEU":
		return 1
	case "AN", "VN", "VISIT":
		return 3 // numbers of a stay, not of a person
	}
	return 2
}

func classOf(t string) string {
	t = Fold(t)
	switch t {
	case "", "MR", "PI", "PT", "U", "MRN":
		return "p"
	}
	return t
}

// key is an identity key with what conflicts are judged by.
type key struct {
	text  string
	group string // "class|authority": one person has one number in it, as a rule
	rank  int
}

// keysOf gives the keys of identifiers, strongest first; none when no
// identifier says anything.
func keysOf(ids []model.Identifier, authority string) []key {
	keys := make([]key, 0, len(ids))
next:
	for _, id := range ids[:min(len(ids), mostIdentifiers)] {
		if worthless(id.Value) {
			continue
		}
		system := id.System
		if system == "" {
			system = authority
		}
		class := classOf(id.Type)
		k := key{group: part(class) + "|" + part(system), rank: 4 * strength(class)}
		if system == "" {
			k.rank += 2
		}
		if strings.EqualFold(id.Type, "PI") || strings.EqualFold(id.Type, "PT") {
			k.rank++
		}
		k.text = k.group + "|" + part(id.Value)
		for _, other := range keys {
			if other.text == k.text {
				continue next
			}
		}
		keys = append(keys, k)
	}
	sort.SliceStable(keys, func(i, j int) bool { return keys[i].rank < keys[j].rank })
	return keys
}

// mostIdentifiers bounds what one message can bring.
const mostIdentifiers = 16

// part folds one part of a key; the separator cannot come from outside.
func part(s string) string {
	s = Fold(s)
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.ReplaceAll(s, "|", "/")
}

// worthless says that an identifier is a placeholder many patients share.
func worthless(s string) bool {
	s = strings.TrimSpace(s)
	if strings.Trim(s, "0-. ") == "" {
		return true
	}
	switch strings.ToLower(s) {
	case "unknown", "none", "n/a", "na", "null", "\"\"", "test", "demo", "no id", "noid", "unk":
		return true
	}
	return false
}

// idOf makes the PatientID of an identity key: "pat-" and 80 bits of its
// HMAC-SHA-256 under the installation's key, in lower-case base32.
func (p *Patients) idOf(k key) model.PatientID {
	mac := hmac.New(sha256.New, p.secret)
	mac.Write([]byte(k.text))
	return model.PatientID("pat-" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))[:16])
}
