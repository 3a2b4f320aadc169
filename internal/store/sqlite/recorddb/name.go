package recorddb

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Messages are found by names: of a patient, a device, a channel, a type, a
// set of codes, or a trait.
type nameKind byte

const (
	namePatient nameKind = 1 + iota
	nameDevice
	nameChannel
	nameType
	nameCodes // the codes of a message together, as codeSet writes them
	nameTrait
)

// Traits of a message.
const (
	traitIssues  = "issues"
	traitAlerts  = "alerts"
	traitRefused = "refused"
)

// name has a number in its file and the messages that bear it since the last
// seal.
type name struct {
	kind nameKind
	text string
	id   int64 // 0: not saved yet
	posting
}

type nameKey struct {
	kind nameKind
	text string
}

// mostCodeSets bounds the sets of codes a file tells apart. Messages with
// another one are under the set with no text, and looked at when any code is
// asked for.
const mostCodeSets = 4096

// names of the newest file.
type names struct {
	all     map[nameKey]*name
	last    int64            // highest id given
	sets    map[uint64]*name // by the hash of what codes a message has, in order
	numSets int
	seed    maphash.Seed
}

func newNames() *names {
	return &names{all: map[nameKey]*name{}, sets: map[uint64]*name{}, seed: maphash.MakeSeed()}
}

// get gives the name, made when it is new.
func (n *names) get(kind nameKind, text string) *name {
	k := nameKey{kind, text}
	one := n.all[k]
	if one == nil {
		one = &name{kind: kind, text: text}
		n.all[k] = one
	}
	return one
}

// load adds a name as it was saved.
func (n *names) load(id int64, kind nameKind, text string) {
	n.get(kind, text).id = id
	n.last = max(n.last, id)
	if kind == nameCodes {
		n.numSets++
	}
}

// add puts a message under all its names.
func (n *names) add(m *model.Message, at ordinal) {
	n.get(nameChannel, string(m.Channel)).add(at)
	n.get(nameType, m.Type).add(at)
	if m.Patient != nil && m.Patient.ID != "" {
		n.get(namePatient, string(m.Patient.ID)).add(at)
	}
	for i := range m.Devices {
		if id := m.Devices[i].ID; id != "" {
			n.get(nameDevice, string(id)).add(at)
		}
	}
	if len(m.Issues) > 0 {
		n.get(nameTrait, traitIssues).add(at)
	}
	if len(m.Alerts) > 0 {
		n.get(nameTrait, traitAlerts).add(at)
	}
	for i := range m.Routed {
		if m.Routed[i].Refused != "" {
			n.get(nameTrait, traitRefused).add(at)
			break
		}
	}
	if len(m.Observations)+len(m.Waveforms)+len(m.Alerts) > 0 {
		n.codes(m).add(at)
	}
}

// codes gives the name of the set of codes a message has. Monitors send the
// same list again and again, so it is worked out once.
func (n *names) codes(m *model.Message) *name {
	var h maphash.Hash
	h.SetSeed(n.seed)
	record.EachCode(m, func(c *model.Code, sent *model.Coding) {
		h.WriteString(c.RefID)
		h.WriteByte(0)
		h.WriteString(c.LOINC)
		h.WriteByte(0)
		h.WriteString(sent.Code)
		h.WriteByte(byte(c.MDC))
		h.WriteByte(byte(c.MDC >> 8))
		h.WriteByte(byte(c.MDC >> 16))
	})
	sum := h.Sum64()
	if one := n.sets[sum]; one != nil {
		return one
	}
	text := codeSet(m)
	if n.all[nameKey{nameCodes, text}] == nil {
		if n.numSets >= mostCodeSets {
			return n.get(nameCodes, "")
		}
		n.numSets++
	}
	if len(n.sets) >= 4*mostCodeSets {
		clear(n.sets)
	}
	one := n.get(nameCodes, text)
	n.sets[sum] = one
	return one
}

// codeSet writes the words by which a message's codes may be asked for, sorted,
// each between line feeds.
func codeSet(m *model.Message) string {
	var words []string
	record.EachCode(m, func(c *model.Code, sent *model.Coding) {
		words = append(words, codeWords(c, sent)...)
	})
	slices.Sort(words)
	return "\n" + strings.Join(slices.Compact(words), "\n") + "\n"
}

// codeWords are the words by which a person may ask for a code: RefID, MDC
// number, LOINC, the code as sent, and Code.Key.
func codeWords(c *model.Code, sent *model.Coding) []string {
	words := make([]string, 0, 5)
	for _, w := range [...]string{c.RefID, c.LOINC, sent.Code, c.Key()} {
		if w != "" && !strings.Contains(w, "\n") {
			words = append(words, w)
		}
	}
	if c.MDC != 0 {
		words = append(words, strconv.FormatUint(uint64(c.MDC), 10))
	}
	return words
}

// inCodeSet says whether a set of codes has one that is asked for by word.
func inCodeSet(set, word string) bool {
	return set == "" || strings.Contains(set, "\n"+word+"\n")
}
