package fhir

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/model"
)

func sorted(m map[string]int) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// leads finds the resource that a reference leads to (FHIR R4 §2.3.0.2): by
// fullUrl, by Type/id, or contained in the resource itself.
func (r *reading) leads(from *resource, ref string) *resource {
	if ref == "" {
		return nil
	}
	if id, ok := strings.CutPrefix(ref, "#"); ok {
		list := from.node.Get("contained")
		for i := range list.Len() {
			if c := list.At(i); c.Get("id").Text() == id {
				return &resource{node: c, kind: c.Get("resourceType").Text(), place: from.place + ".contained[" + strconv.Itoa(i) + "]", url: from.place + ref}
			}
		}
		return nil
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	if s := r.known[ref]; s != nil {
		return s
	}
	// A relative reference below the fullUrl's base, and an absolute one to a
	// resource with the same type and id (§2.36.4.1, §2.3.0.2.1).
	if base, _, ok := cutLast2(from.url); ok {
		if s := r.known[base+"/"+ref]; s != nil {
			return s
		}
	}
	return nil
}

// cutLast2 cuts "base/Type/id" before its last two parts.
func cutLast2(url string) (base, rest string, ok bool) {
	i := strings.LastIndexByte(url, '/')
	if i < 0 {
		return "", url, false
	}
	j := strings.LastIndexByte(url[:i], '/')
	if j < 0 {
		return "", url, true
	}
	return url[:j], url[j+1:], true
}

// target is what a reference says of something that is not in the entry: a
// logical identifier, a conditional reference (§3.1.0.11.2), or an id on a
// server. kind is the resource type, where it is told.
func (r *reading) target(ref *Node) (kind string, id model.Identifier, ok bool) {
	if n := ref.Get("identifier"); n.Get("value").Text() != "" {
		return ref.Get("type").Text(), identifierIn(n), true
	}
	text := ref.Get("reference").Text()
	if kind, query, is := strings.Cut(text, "?"); is {
		value, found := strings.CutPrefix(query, "identifier=")
		if !found || value == "" {
			return kind, model.Identifier{}, false
		}
		system, value, two := strings.Cut(value, "|")
		if !two {
			system, value = "", system
		}
		return kind, model.Identifier{Value: value, System: authority(system)}, value != ""
	}
	text, _, _ = strings.Cut(text, "/_history/")
	base, rest, is := cutLast2(text)
	kind, value, two := strings.Cut(rest, "/")
	if !is || !two || value == "" || strings.HasPrefix(text, "#") {
		return "", model.Identifier{}, false
	}
	if base == "" {
		base = string(r.e.Channel) // an id of the sender's own server
	}
	return kind, model.Identifier{Value: value, System: base}, true
}

// authority gives an identifier's system as messages of other kinds name it:
// an OID bare, a name that this package made a URI of as it was.
func authority(system string) string {
	if oid, ok := strings.CutPrefix(system, "urn:oid:"); ok {
		return oid
	}
	if name, ok := strings.CutPrefix(system, "urn:id:"); ok && !strings.HasPrefix(name, "device:") {
		return unname(name)
	}
	return system
}

// unname undoes appendName.
func unname(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "?")
}

// identifierIn reads an Identifier; its type by HL7 table 0203, by the codes
// of the Personal Health Device guide, or as text.
func identifierIn(n *Node) model.Identifier {
	i := model.Identifier{Value: n.Get("value").Text(), System: authority(n.Get("system").Text())}
	codings := n.Get("type", "coding")
	for k := range codings.Len() {
		c := codings.At(k)
		code, system := c.Get("code").Text(), c.Get("system").Text()
		switch {
		case strings.Contains(system, "ContinuaDeviceIdentifiers") && code == "SYSID":
			i.Type = "EUI-64"
		case strings.Contains(system, "ContinuaDeviceIdentifiers") && strings.HasSuffix(code, "MAC"):
			i.Type = "mac"
		case system == systemIdentifierType && (code == "SNO" || code == "SN"):
			i.Type = "serial"
		case i.Type == "":
			i.Type = code
		}
	}
	if i.Type == "" {
		i.Type = n.Get("type", "text").Text()
	}
	if n.Get("system").Text() == SystemEUI64 {
		i.Type = "EUI-64"
	}
	return i
}

func identifiersIn(list *Node) []model.Identifier {
	var out []model.Identifier
	for k := range list.Len() {
		if i := identifierIn(list.At(k)); strings.TrimSpace(i.Value) != "" {
			out = append(out, i)
		}
	}
	return out
}

// patientIn gives the patient of a resource, read once.
func (r *reading) patientIn(s *resource) *model.Patient {
	p := r.who[s]
	if p == nil {
		p = r.patient(s)
		r.who[s] = p
	}
	return p
}

// patient reads a Patient.
func (r *reading) patient(s *resource) *model.Patient {
	n := s.node
	p := &model.Patient{Identifiers: identifiersIn(n.Get("identifier"))}
	if len(p.Identifiers) == 0 {
		if id := n.Get("id").Text(); id != "" {
			p.Identifiers = []model.Identifier{{Value: id, System: string(r.e.Channel)}}
		}
	}
	name := n.Get("name").At(0)
	p.Family = name.Get("family").Text()
	p.Given = texts(name.Get("given"))
	p.Prefix, p.Suffix = name.Get("prefix").At(0).Text(), name.Get("suffix").At(0).Text()
	if born := n.Get("birthDate").Text(); isDate(born) {
		p.BirthDate = born
	}
	switch sex := n.Get("gender").Text(); sex {
	case "male", "female", "other", "unknown":
		p.Sex = sex
	}
	p.Deceased = n.Get("deceasedBoolean").Text() == "true"
	p.DeceasedAt = timestamp(n.Get("deceasedDateTime").Text())
	telecom := n.Get("telecom")
	for i := range telecom.Len() {
		if t := telecom.At(i); t.Get("system").Text() == "phone" && t.Get("value").Text() != "" {
			p.Phones = append(p.Phones, t.Get("value").Text())
		}
	}
	if a := n.Get("address").At(0); a != nil {
		p.Address = &model.Address{Lines: texts(a.Get("line")), City: a.Get("city").Text(), State: a.Get("state").Text(), PostalCode: a.Get("postalCode").Text(), Country: a.Get("country").Text()}
	}
	return p
}

func texts(list *Node) []string {
	var out []string
	for i := range list.Len() {
		if t := list.At(i); t.Sort() == Text && t.Text() != "" {
			out = append(out, t.Text())
		}
	}
	return out
}

// subject gives the patient an Observation is about; nil when it is about a
// device, a place or nobody.
func (r *reading) subject(s *resource) *model.Patient {
	ref := s.node.Get("subject")
	if to := r.leads(s, ref.Get("reference").Text()); to != nil {
		if to.kind != "Patient" {
			return nil
		}
		return r.patientIn(to)
	}
	kind, id, ok := r.target(ref)
	if !ok || kind != "Patient" && kind != "" {
		return nil
	}
	return &model.Patient{Identifiers: []model.Identifier{id}}
}

func subjectKey(p *model.Patient) string {
	if p == nil {
		return ""
	}
	var b strings.Builder
	for _, i := range p.Identifiers {
		b.WriteString(i.System + "|" + i.Value + "\n")
	}
	if b.Len() == 0 {
		b.WriteString("?" + p.Family + "|" + strings.Join(p.Given, " ") + "|" + p.BirthDate)
	}
	return b.String()
}

// deviceOf gives the index of an Observation's device, -1 for none. A
// DeviceMetric stands for the device it is of, and says whether it is a
// setting (FHIR R4 §8.19).
func (r *reading) deviceOf(p *part, s *resource) (index int, setting bool) {
	ref := s.node.Get("device")
	if ref == nil {
		return -1, false
	}
	to := r.leads(s, ref.Get("reference").Text())
	if to != nil && to.kind == "DeviceMetric" {
		setting = to.node.Get("category").Text() == "setting"
		ref, s = to.node.Get("source"), to
		to = r.leads(s, ref.Get("reference").Text())
	}
	if to != nil && to.kind == "Device" {
		return r.device(p, to, 0), setting
	}
	kind, id, ok := r.target(ref)
	if !ok || to != nil || kind != "Device" && kind != "" {
		return -1, setting
	}
	key := "?" + id.System + "|" + id.Value
	if i, have := p.devices[key]; have {
		return i, setting
	}
	p.m.Devices = append(p.m.Devices, model.Device{Field: s.place, Parent: -1, Identifiers: []model.Identifier{id}})
	p.devices[key] = len(p.m.Devices) - 1
	return p.devices[key], setting
}

// Terms of Device.version.type (ISO/IEEE 11073-10101, PHD guide).
const (
	termSoftware = "531975" // MDC_ID_PROD_SPEC_SW
	termFirmware = "531976" // MDC_ID_PROD_SPEC_FW
	termHardware = "531974" // MDC_ID_PROD_SPEC_HW
)

// placeKey names a resource of the entry among a message's devices.
func placeKey(s *resource) string { return "@" + s.place }

// device reads a Device, and those it is part of, and gives its index.
func (r *reading) device(p *part, s *resource, depth int) int {
	key := placeKey(s)
	if i, have := p.devices[key]; have {
		return i
	}
	n := s.node
	d := model.Device{Field: s.place, Parent: -1, Identifiers: identifiersIn(n.Get("identifier")), Manufacturer: n.Get("manufacturer").Text(), Serial: n.Get("serialNumber").Text(),
		Model: n.Get("modelNumber").Text(), UDI: n.Get("udiCarrier", "carrierHRF").Text()}
	if d.UDI == "" {
		d.UDI = n.Get("udiCarrier", "deviceIdentifier").Text()
	}
	names := n.Get("deviceName")
	for i := range names.Len() {
		if one := names.At(i); d.Model == "" || one.Get("type").Text() == "model-name" && n.Get("modelNumber") == nil {
			d.Model = one.Get("name").Text()
		}
	}
	if len(d.Identifiers) == 0 && d.Serial == "" && d.UDI == "" && n.Get("id").Text() != "" {
		d.Identifiers = []model.Identifier{{Value: n.Get("id").Text(), System: string(r.e.Channel)}}
	}
	versions := n.Get("version")
	firmware := ""
	for i := range versions.Len() {
		v := versions.At(i)
		kind, text, value := v.Get("type", "coding", "code").Text(), strings.ToLower(v.Get("type", "text").Text()), v.Get("value").Text()
		switch {
		case kind == termSoftware || kind == "" && strings.HasPrefix(text, "software"):
			d.Release = value
		case kind == termHardware || kind == "" && strings.HasPrefix(text, "hardware"):
			d.Hardware = value
		case kind == termFirmware || kind == "" && strings.HasPrefix(text, "firmware"):
			firmware = value
		}
	}
	if d.Release == "" {
		d.Release = firmware
	}
	if first, _ := codings(n.Get("type")); first.Code != "" {
		d.Kind = deviceKind(first)
	}
	p.m.Devices = append(p.m.Devices, d)
	at := len(p.m.Devices) - 1
	p.devices[key] = at
	if to := r.leads(s, n.Get("parent", "reference").Text()); to != nil && to.kind == "Device" && depth < 8 {
		if up := r.device(p, to, depth+1); up != at {
			p.m.Devices[at].Parent = up
		}
	}
	return at
}
