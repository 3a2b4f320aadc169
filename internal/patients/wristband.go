package patients

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Wristband is what a scanner read on a patient's wristband.
type Wristband struct {
	Identifier model.Identifier
	// Instance is the Service Relation Instance Number of a GS1 code: which
	// stay, or which wristband, of the same person it is.
	Instance string
	// Anywhere: the number says nothing of who gave it; whoever is known by it
	// is meant, as long as that is one person.
	Anywhere bool
}

// longestBand bounds what a scanner may have read, in bytes.
const longestBand = 200

// TypeGSRN is the type of a Global Service Relation Number; it is unique
// without an authority.
const TypeGSRN = "GSRN"

// ParseWristband reads what a scanner read: a bare number; an HL7 CX
// "number^check^scheme^authority^type" (HL7 v2.5.1 §2.A.14); a GS1 code with
// AI (8018), GSRN of the recipient of care, and AI (8019), SRIN, where it has
// one (GS1 General Specifications §3.9.12 and §3.9.13), with brackets or as
// scanned.
func ParseWristband(text string) (Wristband, error) {
	text = strings.Trim(text, " \t\r\n")
	bad := func(say string) (Wristband, error) {
		return Wristband{}, fault.New(fault.Invalid, "patients.wristband", "%s", say).At("wristband")
	}
	if text == "" || len(text) > longestBand {
		return bad("nothing was read that could name a patient; scan the wristband again")
	}
	gs1 := text
	for _, symbology := range []string{"]C1", "]d2", "]Q3", "]e0"} { // GS1-128, DataMatrix, QR code, DataBar
		gs1 = strings.TrimPrefix(gs1, symbology)
	}
	gs1 = strings.TrimPrefix(gs1, "\x1D")
	if rest, ok := strings.CutPrefix(gs1, "(8018)"); ok {
		number, instance, ok := strings.Cut(rest, "(8019)")
		return gsrn(number, instance, ok)
	}
	if rest, ok := strings.CutPrefix(gs1, "8018"); ok && (len(rest) >= 18 && digits(rest[:18]) && (gs1 != text || len(rest) == 18 || strings.HasPrefix(strings.TrimPrefix(rest[18:], "\x1D"), "8019"))) {
		after := strings.TrimPrefix(rest[18:], "\x1D")
		instance, ok := strings.CutPrefix(after, "8019")
		if !ok && after != "" {
			return bad("the GS1 code goes on behind the number of the patient with something that is not understood; scan the code of the wristband alone")
		}
		return gsrn(rest[:18], instance, ok)
	}
	for _, c := range text {
		if c < ' ' || c == 0x7F || c == '|' {
			return bad("the code holds characters that no patient number has; scan the code of the wristband alone")
		}
	}
	parts := strings.Split(text, "^")
	part := func(n int) string {
		if n < len(parts) {
			return strings.TrimSpace(parts[n])
		}
		return ""
	}
	id := model.Identifier{Value: part(0), System: part(3), Type: part(4)}
	if name, oid, ok := strings.Cut(id.System, "&"); ok { // HD: name & universal id & its type
		if oid, _, _ = strings.Cut(oid, "&"); oid != "" {
			name = oid
		}
		id.System = name
	}
	if worthless(id.Value) {
		return bad("the code names no patient; scan the wristband again, or type the number on it")
	}
	return Wristband{Identifier: id, Anywhere: id.System == ""}, nil
}

func gsrn(number, instance string, has bool) (Wristband, error) {
	switch {
	case len(number) != 18 || !digits(number) || !checked(number):
		return Wristband{}, fault.New(fault.Invalid, "patients.wristband", "the GS1 number of the wristband is not whole or its check digit is wrong; scan it again").At("wristband")
	case has && (instance == "" || len(instance) > 10 || !digits(instance)):
		return Wristband{}, fault.New(fault.Invalid, "patients.wristband", "the GS1 code has a service relation instance that is no number of 1 to 10 digits; scan it again").At("wristband")
	}
	return Wristband{Identifier: model.Identifier{Value: number, Type: TypeGSRN}, Instance: instance, Anywhere: true}, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// checked verifies the check digit of a GS1 key (GS1 General Specifications
// §7.9): weights 3 and 1 from the right, the sum a multiple of ten.
func checked(number string) bool {
	sum := 0
	for i := range len(number) {
		n := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			n *= 3
		}
		sum += n
	}
	return sum%10 == 0
}

// ByWristband gives the patient whose wristband was scanned. Where nobody has
// the number it is a fault.Absent, or a new patient when introduce says so;
// where several people have it, a fault.Conflict.
func (p *Patients) ByWristband(ctx context.Context, w Wristband, introduce bool, now time.Time) (model.PatientID, error) {
	id, err := p.wearer(ctx, w)
	if err != nil || id != "" {
		return id, err
	}
	if !introduce {
		return "", fault.New(fault.Absent, "patients.wristband-unknown", "nobody is known by the number on this wristband; check it, or say that it is a new patient").At("wristband")
	}
	m := &model.Message{Type: "scan", Arrived: now, Patient: &model.Patient{Identifiers: []model.Identifier{w.Identifier}}}
	p.mu.Lock()
	one, err := p.who(ctx, m)
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	if one == nil {
		return "", fault.New(fault.Invalid, "patients.wristband", "the code names no patient; scan the wristband again, or type the number on it").At("wristband")
	}
	return one.ID, nil
}

// wearer gives who is known by a wristband's number, empty for nobody.
func (p *Patients) wearer(ctx context.Context, w Wristband) (model.PatientID, error) {
	p.mu.Lock()
	authority := p.authority
	p.mu.Unlock()
	keys := keysOf([]model.Identifier{w.Identifier}, authority)
	if len(keys) == 0 {
		return "", nil
	}
	var found []model.PatientID
	note := func(one *Patient) {
		if !slices.Contains(found, one.ID) {
			found = append(found, one.ID)
		}
	}
	p.mu.Lock()
	owners, err := p.owners(ctx, keys)
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	if owners[0] != nil {
		return owners[0].ID, nil
	}
	if !w.Anywhere {
		return "", nil
	}
	value := part(w.Identifier.Value)
	list, err := p.store.FindPatients(ctx, value, 1000)
	if err != nil {
		return "", err
	}
	for i := range list {
		for _, k := range list[i].Keys {
			class, rest, _ := strings.Cut(k, "|")
			_, number, _ := strings.Cut(rest, "|")
			if number == value && strength(class) < strength("AN") {
				note(&list[i])
			}
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", fault.New(fault.Conflict, "patients.wristband-several", "%d patients have the number on this wristband, from different authorities; scan a code that names the authority, or choose the patient from the list", len(found)).At("wristband")
}
