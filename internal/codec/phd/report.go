package phd

import "thalamus/internal/fault"

// Configuration is what a device measures, object by object (ConfigReport,
// annex A.5).
type Configuration struct {
	ID      uint16
	Objects []Object
}

// Object of a configuration.
type Object struct {
	Class      uint16
	Handle     uint16
	Attributes []Attribute
}

// Get gives the value of an attribute.
func (o *Object) Get(id uint16) []byte { return find(o.Attributes, id) }

func find(all []Attribute, id uint16) []byte {
	for i := range all {
		if all[i].ID == id {
			return all[i].Value
		}
	}
	return nil
}

// ParseConfiguration reads the content of an MDC_NOTI_CONFIG event.
func ParseConfiguration(b []byte) (*Configuration, error) {
	r := &reader{b: b}
	c := &Configuration{ID: r.u16("the configuration id")}
	r.list("the configuration", 8, func(r *reader) {
		c.Objects = append(c.Objects, Object{Class: r.u16("an object"), Handle: r.u16("an object"), Attributes: r.attributes("the attributes of an object")})
	})
	return c, r.end("the configuration")
}

// Bytes writes the configuration.
func (c *Configuration) Bytes() []byte {
	w := &writer{}
	w.u16(c.ID)
	w.list(len(c.Objects), func(i int) {
		o := &c.Objects[i]
		w.u16(o.Class)
		w.u16(o.Handle)
		w.attributes(o.Attributes)
	})
	return w.b
}

// ConfigurationResult is the content of the answer to a configuration: 0
// accepted, 1 unsupported, 2 standard configuration unknown (annex A.5).
func ConfigurationResult(id, result uint16) []byte {
	w := &writer{}
	w.u16(id)
	w.u16(result)
	return w.b
}

// Results of a configuration report.
const (
	ConfigAccepted        = 0
	ConfigUnsupported     = 1
	ConfigStandardUnknown = 2
)

// Report is a scan report in any of its forms (annex A.11).
type Report struct {
	Request uint16 // data-req-id
	Number  uint16
	Persons []PersonReport // one without ID where the report is not of several
	Padding []byte         // zeros behind it, which some agents send
}

// PersonReport is what a report tells of one person.
type PersonReport struct {
	ID    uint16
	Scans []Scan
}

// Scan is what a report tells of one object: attributes in a variable report,
// raw values in a fixed one, all of a scanner's in a grouped one.
type Scan struct {
	Handle     uint16
	Attributes []Attribute
	Values     []byte
}

// form of a report: how its event type lays it out.
type form struct{ several, variable, grouped bool }

func formOf(event uint16) (form, bool) {
	switch event {
	case NotiFixed:
		return form{}, true
	case NotiVar:
		return form{variable: true}, true
	case NotiMPFixed:
		return form{several: true}, true
	case NotiMPVar:
		return form{several: true, variable: true}, true
	}
	if event < NotiScanVar || event > NotiScanEnd {
		return form{}, false
	}
	// Unbuffered and buffered reports come in the same order: variable, fixed,
	// grouped, then the same for several persons.
	i := (event - NotiScanVar) % 6
	return form{several: i >= 3, variable: i%3 == 0, grouped: i%3 == 2}, true
}

// ParseReport reads the content of a scan report.
func ParseReport(event uint16, b []byte) (*Report, error) {
	f, ok := formOf(event)
	if !ok {
		return nil, fault.New(fault.Invalid, "phd.event", "event type %d is no scan report", event)
	}
	r := &reader{b: b}
	rep := &Report{Request: r.u16("the request id"), Number: r.u16("the report number")}
	if !f.several {
		rep.Persons = []PersonReport{{Scans: r.scans(f)}}
		rep.Padding = r.zeros()
		return rep, r.end("the report")
	}
	r.list("the list of persons", 4, func(r *reader) {
		p := PersonReport{ID: r.u16("a person")}
		if f.grouped { // ScanReportPerGrouped has one group, no list
			p.Scans = []Scan{{Values: r.octets("a group of values")}}
		} else {
			p.Scans = r.scans(f)
		}
		rep.Persons = append(rep.Persons, p)
	})
	rep.Padding = r.zeros()
	return rep, r.end("the report")
}

// zeros takes what is left, where it is at most eight zeros.
func (r *reader) zeros() []byte {
	n := r.left()
	if r.err != nil || n > 8 {
		return nil
	}
	for _, b := range r.b[r.at:] {
		if b != 0 {
			return nil
		}
	}
	return r.take(n, "the padding")
}

func (r *reader) scans(f form) (out []Scan) {
	r.list("the list of scans", 2, func(r *reader) {
		var s Scan
		switch {
		case f.grouped:
			s.Values = r.octets("a group of values")
		case f.variable:
			s.Handle, s.Attributes = r.u16("a handle"), r.attributes("the attributes of a scan")
		default:
			s.Handle, s.Values = r.u16("a handle"), r.octets("the values of a scan")
		}
		out = append(out, s)
	})
	return out
}

// Bytes writes the report as the content of an event of that type.
func (rep *Report) Bytes(event uint16) []byte {
	f, _ := formOf(event)
	w := &writer{}
	w.u16(rep.Request)
	w.u16(rep.Number)
	if !f.several {
		var scans []Scan
		if len(rep.Persons) > 0 {
			scans = rep.Persons[0].Scans
		}
		w.scans(f, scans)
		return append(w.b, rep.Padding...)
	}
	w.list(len(rep.Persons), func(i int) {
		p := &rep.Persons[i]
		w.u16(p.ID)
		if !f.grouped {
			w.scans(f, p.Scans)
		} else if len(p.Scans) > 0 {
			w.octets(p.Scans[0].Values)
		} else {
			w.u16(0)
		}
	})
	return append(w.b, rep.Padding...)
}

func (w *writer) scans(f form, scans []Scan) {
	w.list(len(scans), func(i int) {
		s := &scans[i]
		switch {
		case f.grouped:
			w.octets(s.Values)
		case f.variable:
			w.u16(s.Handle)
			w.attributes(s.Attributes)
		default:
			w.u16(s.Handle)
			w.octets(s.Values)
		}
	})
}

// MapEntry is an attribute and how many bytes its value takes in a fixed
// report (AttrValMapEntry).
type MapEntry struct{ ID, Length uint16 }

func (r *reader) valueMap() (out []MapEntry) {
	r.list("the value map", 4, func(r *reader) {
		out = append(out, MapEntry{ID: r.u16("the value map"), Length: r.u16("the value map")})
	})
	return out
}

func (w *writer) valueMap(m []MapEntry) {
	w.list(len(m), func(i int) {
		w.u16(m[i].ID)
		w.u16(m[i].Length)
	})
}

// ValueMap reads an attribute value map.
func ValueMap(b []byte) ([]MapEntry, error) {
	r := &reader{b: b}
	m := r.valueMap()
	return m, r.end("the value map")
}

// HandleMap is the value map of one object in a scanner's group.
type HandleMap struct {
	Handle uint16
	Map    []MapEntry
}

// HandleMaps reads a scanner's Scan-Handle-Attr-Val-Map.
func HandleMaps(b []byte) (out []HandleMap, err error) {
	r := &reader{b: b}
	r.list("the scanner's map", 6, func(r *reader) {
		out = append(out, HandleMap{Handle: r.u16("a handle"), Map: r.valueMap()})
	})
	return out, r.end("the scanner's map")
}

// split cuts fixed values by a map.
func split(m []MapEntry, b []byte) (out []Attribute, rest []byte, err error) {
	for _, e := range m {
		if int(e.Length) > len(b) {
			return out, b, fault.New(fault.Invalid, "phd.values", "the configuration says that %d bytes of attribute %d follow, and there are %d", e.Length, e.ID, len(b))
		}
		out = append(out, Attribute{ID: e.ID, Value: b[:e.Length:e.Length]})
		b = b[e.Length:]
	}
	return out, b, nil
}
