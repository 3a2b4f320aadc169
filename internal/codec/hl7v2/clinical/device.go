package clinical

import (
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// looseDevice is a device known by an identifier.
type looseDevice struct {
	id     model.Identifier
	index  int
	system string // first part of the OBX-4 under which only OBX-18 named it
	only   bool   // OBX-18 alone names it: no device of the containment
}

// isDevice tells whether an OBX stands for an MDS, VMD or channel: a device
// term and no value.
func (r *reading) isDevice() bool {
	if r.hasValue {
		return false
	}
	if r.term != nil {
		return r.term.Kind == mdc.Device
	}
	return strings.HasPrefix(r.refid, "MDC_DEV_") || strings.HasPrefix(r.refid, "MDCX_DEV_")
}

// deviceNode makes a device of the containment tree.
func (d *decoder) deviceNode(r *reading) {
	sub := bare(r.sub)
	ids := d.identifiers(d.f[18])
	// The same place again under the next OBR is the same device, unless its
	// identifiers say otherwise.
	if old := d.tree.find(sub, true); old != nil && sub != "" && sameUnit(&d.out.Devices[old.device], ids) {
		d.comment = &d.out.Notes
		d.lastNode = old.device + 1
		return
	}
	dev := model.Device{Field: r.place, SubID: r.sub, Level: level(r.refid, r.sub), Parent: r.device, Identifiers: ids}
	if r.term != nil {
		dev.Kind = r.term.Meaning()
	} else {
		n, _ := mdc.Number(r.received.Code)
		dev.Kind = model.Code{MDC: n, RefID: r.refid}
	}
	d.out.Devices = append(d.out.Devices, dev)
	at := len(d.out.Devices) - 1
	d.lastNode = at + 1
	d.tree.add(node{sub: sub, term: r.term, device: at, wave: -1})
	for _, id := range ids {
		d.loose = append(d.loose, looseDevice{id: id, index: at})
	}
	d.comment = &d.out.Notes
}

func sameUnit(dev *model.Device, ids []model.Identifier) bool {
	for _, id := range ids {
		found := false
		for _, known := range dev.Identifiers {
			found = found || known == id
		}
		if !found {
			return false
		}
	}
	return true
}

// identifiers reads OBX-18 or PRT-10: EI with an EUI-64 in one of several
// places, or a serial number whose authority is an EUI-64 (HL7 v2.6 §7.4.2.18).
func (d *decoder) identifiers(e hl7v2.Element) []model.Identifier {
	if !e.Present() {
		return nil
	}
	var all []model.Identifier
	for _, r := range e.Reps() {
		if id, ok := d.identifier(r); ok {
			all = append(all, id)
		}
	}
	return all
}

func (d *decoder) identifier(r hl7v2.Element) (model.Identifier, bool) {
	value, name, universal, kind := d.text(r.Component(1)), d.text(r.Component(2)), d.text(r.Component(3)), d.text(r.Component(4))
	switch {
	case value == "" && isEUI(universal):
		return model.Identifier{Value: universal, Type: "EUI-64", System: name}, true
	case value == "":
		return model.Identifier{}, false
	case isEUI(value):
		if name == "EUI-64" {
			name = ""
		}
		return model.Identifier{Value: value, Type: "EUI-64", System: name}, true
	}
	id := model.Identifier{Value: value, System: universal, Type: "serial"}
	if id.System == "" {
		id.System = name
	}
	if kind != "" && kind != "EUI-64" && kind != "ISO" {
		id.Type = strings.ToLower(kind)
	}
	return id, true
}

// isEUI recognises 16 hexadecimal digits.
func isEUI(s string) bool {
	if len(s) != 16 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// equipment finds the device of an OBX that is no device itself: the one its
// containment names, made known by OBX-18, else the one OBX-18 names, else
// the one that an OBX-18 before it named for the same system (the first part
// of OBX-4): some send it with the first OBX only.
func (d *decoder) equipment(r *reading) {
	ids := d.identifiers(d.f[18])
	if len(ids) == 0 {
		if n := len(d.loose); r.device < 0 && n > 0 && d.loose[n-1].only && d.loose[n-1].system == system(r.sub) {
			r.device = d.loose[n-1].index
		}
		return
	}
	for _, id := range ids {
		at := d.known(id)
		if at < 0 {
			at = d.introduce(r, id)
		}
		if r.device < 0 {
			r.device = at
		}
	}
}

// system is the first part of OBX-4.
func system(sub string) string {
	first, _, _ := strings.Cut(sub, ".")
	return first
}

func (d *decoder) known(id model.Identifier) int {
	for i := len(d.loose) - 1; i >= 0 && len(d.loose)-i <= 256; i-- {
		if d.loose[i].id == id {
			return d.loose[i].index
		}
	}
	return -1
}

// introduce gives an identifier to the device that still has none, or makes
// a device of its own.
func (d *decoder) introduce(r *reading, id model.Identifier) int {
	at := -1
	for n, hops := r.device, 0; n >= 0 && hops < maxParts; n, hops = d.out.Devices[n].Parent, hops+1 {
		if len(d.out.Devices[n].Identifiers) == 0 && d.out.Devices[n].Parent < 0 {
			at = n
		}
	}
	if at < 0 {
		parent := -1
		if r.device >= 0 {
			parent = d.root(r.device)
		}
		d.out.Devices = append(d.out.Devices, model.Device{Field: r.place + "-18", Parent: parent})
		at = len(d.out.Devices) - 1
	}
	d.out.Devices[at].Identifiers = append(d.out.Devices[at].Identifiers, id)
	d.loose = append(d.loose, looseDevice{id, at, system(r.sub), r.device < 0})
	return at
}

func (d *decoder) root(n int) int {
	for range maxParts {
		if d.out.Devices[n].Parent < 0 {
			return n
		}
		n = d.out.Devices[n].Parent
	}
	return n
}

// facts takes from an OBX what it tells about its device; the OBX stays an
// observation all the same.
func (d *decoder) facts(r *reading) {
	if r.device < 0 || !r.hasValue || r.term != nil && r.term.Kind != mdc.Attribute {
		return
	}
	dev := &d.out.Devices[r.device]
	set := func(to *string) {
		if *to == "" {
			*to = d.plainValue(r)
		}
	}
	switch r.refid {
	case "MDC_ATTR_ID_MODEL":
		if e := d.f[5].Rep(1); e.ComponentCount() > 1 && dev.Model == "" {
			dev.Manufacturer, dev.Model = d.text(e.Component(1)), d.text(e.Component(2))
			return
		}
		set(&dev.Model)
	case "MDC_ID_MODEL_NUMBER":
		set(&dev.Model)
	case "MDC_ID_MODEL_MANUFACTURER":
		set(&dev.Manufacturer)
	case "MDC_ID_PROD_SPEC_SERIAL":
		set(&dev.Serial)
	case "MDC_ID_PROD_SPEC_SW":
		if dev.Release == "" {
			dev.Release = d.software()
		}
	case "MDC_ID_PROD_SPEC_FW":
		set(&dev.Release)
	case "MDC_ID_PROD_SPEC_HW":
		set(&dev.Hardware)
	case "MDC_ATTR_VAL_BATT_CHARGE":
		if dev.Battery = d.plainValue(r); dev.Battery != "" {
			dev.Battery += " %"
		}
	case "MDC_ATTR_SYS_ID":
		d.addIdentifier(r.device, d.plainValue(r), "system-id")
	case "MDC_NCC_WIRELESS_MAC":
		d.addIdentifier(d.root(r.device), d.plainValue(r), "mac")
	}
}

// software picks the version out of a list "part=version~part=version".
func (d *decoder) software() string {
	first := ""
	for _, r := range d.f[5].Reps() {
		part, version, ok := strings.Cut(d.joined(r), "=")
		if !ok {
			version = part
		}
		if first == "" {
			first = version
		}
		if ok && strings.Contains(strings.ToLower(part), "software") {
			return version
		}
	}
	return first
}

func (d *decoder) addIdentifier(device int, value, kind string) {
	if value == "" {
		return
	}
	if compact := strings.NewReplacer("-", "", ":", "", " ", "").Replace(value); isEUI(compact) && kind == "system-id" {
		value, kind = compact, "EUI-64"
	}
	id := model.Identifier{Value: value, Type: kind}
	dev := &d.out.Devices[device]
	for _, known := range dev.Identifiers {
		if known.Value == value && known.Type == kind {
			return
		}
	}
	dev.Identifiers = append(dev.Identifiers, id)
}

// participation reads a PRT that tells of a device (HL7 v2.8 §7.3.4): its
// identifier, UDI, lot, serial number and type.
func (d *decoder) participation() {
	d.prt++
	ids := d.identifiers(d.f[10])
	udi, serial := d.joined(d.f[16]), d.text(d.f[20])
	if len(ids) == 0 && udi == "" && serial == "" {
		return
	}
	dev := model.Device{Field: place("PRT", d.prt), Identifiers: ids, UDI: udi, Serial: serial, Parent: -1}
	if lot := d.text(d.f[19]); lot != "" {
		dev.Identifiers = append(dev.Identifiers, model.Identifier{Value: lot, Type: "lot"})
	}
	kind := d.coding(d.f[22])
	if t, _, ok := mdc.OfCoding(kind); ok {
		dev.Kind = t.Meaning()
	} else {
		dev.Kind = model.Code{Name: kind.Text}
	}
	for _, id := range ids {
		if at := d.known(id); at >= 0 {
			old := &d.out.Devices[at]
			old.UDI, old.Serial = udi, serial
			return
		}
	}
	// Behind a node of the containment that says nothing of itself, it is that
	// node: PRT takes the place of OBX-18, which is withdrawn (HL7 v2.7 §7.4.2.18).
	at := d.lastNode - 1
	if at >= 0 && anonymous(&d.out.Devices[at]) {
		node := &d.out.Devices[at]
		node.Identifiers, node.UDI, node.Serial = dev.Identifiers, udi, serial
		if node.Kind == (model.Code{}) {
			node.Kind = dev.Kind
		}
	} else {
		d.out.Devices = append(d.out.Devices, dev)
		at = len(d.out.Devices) - 1
	}
	for _, id := range ids {
		d.loose = append(d.loose, looseDevice{id: id, index: at})
	}
	// It took part in what stands before it.
	if n := len(d.out.Observations); n > 0 && d.out.Observations[n-1].Device < 0 {
		d.out.Observations[n-1].Device = at
	}
}

// anonymous says that a device tells nothing by which it could be known.
func anonymous(dev *model.Device) bool {
	return len(dev.Identifiers) == 0 && dev.Serial == "" && dev.UDI == ""
}

// finishDevices gives what nobody named to the sender, and a device without
// an identity the sender's.
func (d *decoder) finishDevices() {
	d.liftFacts()
	orphan := false
	for i := range d.out.Observations {
		orphan = orphan || d.out.Observations[i].Device < 0
	}
	for i := range d.out.Waveforms {
		orphan = orphan || d.out.Waveforms[i].Device < 0
	}
	for i := range d.out.Alerts {
		orphan = orphan || d.out.Alerts[i].Device < 0
	}
	sender := d.sender()
	roots, nameless := 0, -1
	for i := range d.out.Devices {
		if dev := &d.out.Devices[i]; dev.Parent < 0 {
			if roots++; anonymous(dev) {
				nameless = i
			}
		}
	}
	if roots == 1 && nameless >= 0 && sender.Value != "" {
		dev := &d.out.Devices[nameless]
		dev.Identifiers = append(dev.Identifiers, sender)
		d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.device-unnamed", Severity: model.Warning, Field: dev.Field,
			Text: "the device does not say who it is; it was given the sender's identity of MSH-3", Hint: "the sender should fill OBX-18 of the device"})
	}
	if !orphan || sender.Value == "" {
		return
	}
	at := -1
	if roots == 1 && nameless >= 0 {
		at = nameless
	} else {
		d.out.Devices = append(d.out.Devices, model.Device{Field: "MSH-3", Identifiers: []model.Identifier{sender}, Parent: -1})
		at = len(d.out.Devices) - 1
	}
	for i := range d.out.Observations {
		if o := &d.out.Observations[i]; o.Device < 0 {
			o.Device = at
		}
	}
	for i := range d.out.Waveforms {
		if w := &d.out.Waveforms[i]; w.Device < 0 {
			w.Device = at
		}
	}
	for i := range d.out.Alerts {
		if a := &d.out.Alerts[i]; a.Device < 0 {
			a.Device = at
		}
	}
}

// sender is the identity of MSH-3.
func (d *decoder) sender() model.Identifier {
	s := d.out.Sender
	if isEUI(s.ApplicationID) {
		return model.Identifier{Value: s.ApplicationID, Type: "EUI-64", System: s.Application}
	}
	return model.Identifier{Value: s.Application, Type: "application", System: s.Facility}
}

// liftFacts copies what the only VMD of a device says about model and
// release, and what a part says about the battery, to the device itself,
// where that says nothing.
func (d *decoder) liftFacts() {
	for i := range d.out.Devices {
		if dev := &d.out.Devices[i]; dev.Battery != "" && dev.Parent >= 0 {
			if root := &d.out.Devices[d.root(i)]; root.Battery == "" {
				root.Battery = dev.Battery
			}
		}
	}
	for i := range d.out.Devices {
		dev := &d.out.Devices[i]
		if dev.Parent >= 0 {
			continue
		}
		var only *model.Device
		count := 0
		for j := i + 1; j < len(d.out.Devices) && j-i < 64; j++ {
			if child := &d.out.Devices[j]; child.Parent == i && child.Level == "vmd" {
				only = child
				count++
			}
		}
		if count != 1 {
			continue
		}
		for _, f := range [...]struct{ to, from *string }{
			{&dev.Model, &only.Model}, {&dev.Manufacturer, &only.Manufacturer}, {&dev.Release, &only.Release}, {&dev.Hardware, &only.Hardware}, {&dev.Serial, &only.Serial},
		} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
	}
}
