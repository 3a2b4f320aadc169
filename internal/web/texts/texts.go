// Package texts holds the console's languages. The key of a text is the
// English text itself, so that English needs no catalogue; every other
// language is a file <tag>.tsv beside this one: the key, a tab, the
// translation, sorted by key. Its first line is "# " and the language's own
// name. A language is offered when its file is there. A text that a catalogue
// lacks is shown in English; a test names it.
package texts

import (
	"embed"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

//go:embed *.tsv
var files embed.FS

// Language is one the console speaks.
type Language struct {
	Tag  string // "de"
	Name string // "Deutsch"

	texts map[string]string
}

// Text gives a key's text in the language, the key itself where there is none.
func (l *Language) Text(key string) string {
	if t := l.texts[key]; t != "" {
		return t
	}
	return key
}

// Has says whether the catalogue holds the key.
func (l *Language) Has(key string) bool { _, ok := l.texts[key]; return ok }

// Keys lists what the catalogue translates, sorted.
func (l *Language) Keys() []string {
	keys := make([]string, 0, len(l.texts))
	for k := range l.texts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Languages lists what the console speaks; English is the first.
func Languages() []*Language { return all() }

var all = sync.OnceValue(func() []*Language {
	out := []*Language{{Tag: "en", Name: "English"}}
	names, _ := files.ReadDir(".") // embedded: cannot fail
	for _, n := range names {
		raw, _ := files.ReadFile(n.Name())
		l := parse(strings.TrimSuffix(n.Name(), path.Ext(n.Name())), string(raw))
		if l.Tag == "en" {
			out[0] = l
			continue
		}
		out = append(out, l)
	}
	return out
})

func parse(tag, text string) *Language {
	l := &Language{Tag: tag, Name: tag, texts: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			if l.Name == tag {
				l.Name = name
			}
			continue
		}
		if key, translation, ok := strings.Cut(line, "\t"); ok {
			l.texts[key] = translation
		}
	}
	return l
}

// Pick gives the language somebody chose (a tag, may be empty), else the one
// that fits their browser's Accept-Language best, else English.
func Pick(chosen, accept string) *Language {
	languages := all()
	for _, l := range languages {
		if l.Tag == chosen {
			return l
		}
	}
	if len(accept) > 200 {
		return languages[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return languages[0]
	}
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.Make(l.Tag)
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted...)
	if confidence == language.No {
		return languages[0]
	}
	return languages[i]
}
