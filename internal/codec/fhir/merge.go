package fhir

import "slices"

// MergeDevice brings a Device that a receiver has up to what was heard of it, and
// says whether that changes it. What is missing is added. Where both say
// something else, a version, a specialisation or a property is replaced when
// newer says that what was heard is newer than what stands there; anything else
// stays: a maker, a name or a status that differs is somebody's correction. What
// nobody heard of stays too, so owner, location and notes of others are kept
// (decision 0300).
func MergeDevice(have, heard *Node, newer bool) bool {
	m := merger{newer: newer}
	for _, name := range [...]string{"udiCarrier", "status", "manufacturer", "serialNumber", "modelNumber"} {
		m.fill(have, heard, name)
	}
	m.list(have, heard, "identifier", func(i *Node) string { return i.Get("system").Text() + "|" + i.Get("value").Text() }, false)
	m.list(have, heard, "deviceName", func(n *Node) string { return n.Get("type").Text() }, false)
	m.concept(have, heard, "type")
	m.list(have, heard, "specialization", func(s *Node) string { return conceptKey(s.Get("systemType")) }, true)
	m.versions(have, heard)
	m.list(have, heard, "property", func(p *Node) string { return conceptKey(p.Get("type")) }, true)
	m.claims(have, heard)
	return m.changed
}

// Claims says whether a resource claims a profile of HL7's guide for personal
// health devices.
func Claims(n *Node) bool {
	profiles := n.Get("meta", "profile")
	for i := range profiles.Len() {
		if p := profiles.At(i).Text(); len(p) > len(guideBase) && p[:len(guideBase)] == guideBase {
			return true
		}
	}
	return false
}

type merger struct{ newer, changed bool }

func (m *merger) fill(have, heard *Node, name string) {
	if said := heard.Get(name); said != nil && have.Get(name) == nil {
		have.Set(name, said.Clone())
		m.changed = true
	}
}

// member gives an array member to be added to, making it where it is missing.
func (m *merger) member(have *Node, name string) *Node {
	if have.Get(name).Sort() != Array {
		have.Set(name, ArrayOf())
	}
	return have.Get(name)
}

// list adds the elements of a list that are missing by their key; several with
// one key belong together. replace lets newer ones take the place of others.
func (m *merger) list(have, heard *Node, name string, key func(*Node) string, replace bool) {
	said := heard.Get(name)
	var done []string
	for i := range said.Len() {
		k := key(said.At(i))
		if slices.Contains(done, k) {
			continue
		}
		done = append(done, k)
		old, fresh := under(have.Get(name), k, key), under(said, k, key)
		if len(old) > 0 && (!replace || !m.newer || same(old, fresh)) {
			continue
		}
		to := m.member(have, name)
		if len(old) > 0 {
			to.elems = slices.DeleteFunc(to.elems, func(n Node) bool { return key(&n) == k })
		}
		to.elems = append(to.elems, fresh...)
		m.changed = true
	}
}

func under(list *Node, k string, key func(*Node) string) (all []Node) {
	for i := range list.Len() {
		if key(list.At(i)) == k {
			all = append(all, list.At(i).Clone())
		}
	}
	return all
}

func same(a, b []Node) bool {
	return slices.EqualFunc(a, b, func(x, y Node) bool { return equal(&x, &y) })
}

// equal compares two values; the order of members does not count.
func equal(a, b *Node) bool {
	if a.Sort() != b.Sort() || a.Text() != b.Text() || a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		to := b.At(i)
		if a.Sort() == Object {
			to = b.Get(a.Name(i))
		}
		if to == nil || !equal(a.At(i), to) {
			return false
		}
	}
	return true
}

// versions are those of the guide by their term, or by a word of ours. Where the
// guide's are told, ours say nothing that they do not, and would grow old.
func (m *merger) versions(have, heard *Node) {
	key := func(v *Node) string { return conceptKey(v.Get("type")) }
	coded := false
	for i := range heard.Get("version").Len() {
		coded = coded || heard.Get("version").At(i).Get("type", "coding") != nil
	}
	if list := have.Get("version"); coded && list.Sort() == Array {
		n := len(list.elems)
		list.elems = slices.DeleteFunc(list.elems, func(v Node) bool {
			k := key(&v)
			return k == "software" || k == "hardware"
		})
		m.changed = m.changed || len(list.elems) != n
	}
	m.list(have, heard, "version", key, true)
}

// concept adds codings that are missing, and a text where there is none.
func (m *merger) concept(have, heard *Node, name string) {
	said := heard.Get(name)
	if said == nil {
		return
	}
	if have.Get(name) == nil {
		m.fill(have, heard, name)
		return
	}
	to := have.Get(name)
	m.list(to, said, "coding", codingKey, false)
	m.fill(to, said, "text")
}

// claims adds the profiles that are claimed. PhdDevice forbids a parent.
func (m *merger) claims(have, heard *Node) {
	profiles := heard.Get("meta", "profile")
	if profiles.Len() == 0 || have.Get("parent") != nil {
		return
	}
	if have.Get("meta").Sort() != Object {
		have.Set("meta", ObjectOf())
	}
	m.list(have.Get("meta"), heard.Get("meta"), "profile", (*Node).Text, false)
}

func codingKey(c *Node) string { return c.Get("system").Text() + "|" + c.Get("code").Text() }

// conceptKey names a CodeableConcept by its first coding, else by its text.
func conceptKey(c *Node) string {
	if one := c.Get("coding").At(0); one != nil {
		return codingKey(one)
	}
	return c.Get("text").Text()
}
