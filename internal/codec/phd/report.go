package phd

import (
	"thalamus/internal/fault"

	"thalamus/internal/codec/mder"
)

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
	r := read(b)
	c := &Configuration{ID: r.U16("the configuration id")}
	r.List("the configuration", 8, func(r *mder.Reader) {
		c.Objects = append(c.Objects, Object{Class: r.U16("an object"), Handle: r.U16("an object"), Attributes: readAttributes(r, "the attributes of an object")})
	})
	return c, r.End("the configuration")
}

// Bytes writes the configuration.
func (c *Configuration) Bytes() []byte {
	w := &mder.Writer{}
	w.U16(c.ID)
	w.List(len(c.Objects), func(i int) {
		o := &c.Objects[i]
		w.U16(o.Class)
		w.U16(o.Handle)
		writeAttributes(w, o.Attributes)
	})
	return w.B
}

// ConfigurationResult is the content of the answer to a configuration: 0
// accepted, 1 unsupported, 2 standard configuration unknown (annex A.5).
func ConfigurationResult(id, result uint16) []byte {
	w := &mder.Writer{}
	w.U16(id)
	w.U16(result)
	return w.B
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
	r := read(b)
	rep := &Report{Request: r.U16("the request id"), Number: r.U16("the report number")}
	if !f.several {
		rep.Persons = []PersonReport{{Scans: readScans(r, f)}}
		rep.Padding = readZeros(r)
		return rep, r.End("the report")
	}
	r.List("the list of persons", 4, func(r *mder.Reader) {
		p := PersonReport{ID: r.U16("a person")}
		if f.grouped { // ScanReportPerGrouped has one group, no list
			p.Scans = []Scan{{Values: r.Octets("a group of values")}}
		} else {
			p.Scans = readScans(r, f)
		}
		rep.Persons = append(rep.Persons, p)
	})
	rep.Padding = readZeros(r)
	return rep, r.End("the report")
}

// zeros takes what is left, where it is at most eight zeros.
func readZeros(r *mder.Reader) []byte {
	n := r.Left()
	if r.Err != nil || n > 8 {
		return nil
	}
	for _, b := range r.Rest() {
		if b != 0 {
			return nil
		}
	}
	return r.Take(n, "the padding")
}

func readScans(r *mder.Reader, f form) (out []Scan) {
	r.List("the list of scans", 2, func(r *mder.Reader) {
		var s Scan
		switch {
		case f.grouped:
			s.Values = r.Octets("a group of values")
		case f.variable:
			s.Handle, s.Attributes = r.U16("a handle"), readAttributes(r, "the attributes of a scan")
		default:
			s.Handle, s.Values = r.U16("a handle"), r.Octets("the values of a scan")
		}
		out = append(out, s)
	})
	return out
}

// Bytes writes the report as the content of an event of that type.
func (rep *Report) Bytes(event uint16) []byte {
	f, _ := formOf(event)
	w := &mder.Writer{}
	w.U16(rep.Request)
	w.U16(rep.Number)
	if !f.several {
		var scans []Scan
		if len(rep.Persons) > 0 {
			scans = rep.Persons[0].Scans
		}
		writeScans(w, f, scans)
		return append(w.B, rep.Padding...)
	}
	w.List(len(rep.Persons), func(i int) {
		p := &rep.Persons[i]
		w.U16(p.ID)
		if !f.grouped {
			writeScans(w, f, p.Scans)
		} else if len(p.Scans) > 0 {
			w.Octets(p.Scans[0].Values)
		} else {
			w.U16(0)
		}
	})
	return append(w.B, rep.Padding...)
}

func writeScans(w *mder.Writer, f form, scans []Scan) {
	w.List(len(scans), func(i int) {
		s := &scans[i]
		switch {
		case f.grouped:
			w.Octets(s.Values)
		case f.variable:
			w.U16(s.Handle)
			writeAttributes(w, s.Attributes)
		default:
			w.U16(s.Handle)
			w.Octets(s.Values)
		}
	})
}

// MapEntry is an attribute and how many bytes its value takes in a fixed
// report (AttrValMapEntry).
type MapEntry struct{ ID, Length uint16 }

func readValueMap(r *mder.Reader) (out []MapEntry) {
	r.List("the value map", 4, func(r *mder.Reader) {
		out = append(out, MapEntry{ID: r.U16("the value map"), Length: r.U16("the value map")})
	})
	return out
}

func writeValueMap(w *mder.Writer, m []MapEntry) {
	w.List(len(m), func(i int) {
		w.U16(m[i].ID)
		w.U16(m[i].Length)
	})
}

// ValueMap reads an attribute value map.
func ValueMap(b []byte) ([]MapEntry, error) {
	r := read(b)
	m := readValueMap(r)
	return m, r.End("the value map")
}

// HandleMap is the value map of one object in a scanner's group.
type HandleMap struct {
	Handle uint16
	Map    []MapEntry
}

// HandleMaps reads a scanner's Scan-Handle-Attr-Val-Map.
func HandleMaps(b []byte) (out []HandleMap, err error) {
	r := read(b)
	r.List("the scanner's map", 6, func(r *mder.Reader) {
		out = append(out, HandleMap{Handle: r.U16("a handle"), Map: readValueMap(r)})
	})
	return out, r.End("the scanner's map")
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
