package clinical

import (
	"strconv"
	"strings"

	"thalamus/internal/codec/hl7v2"
)

// alertName is how an OBR names the alert its OBX report (IHE PCD TF-2 PCD-04,
// OBR-3 and OBR-29).
type alertName struct {
	id      string
	update  int // from 1; 0: the sender does not count
	follows bool
}

// nameAlert reads the name of an alert. OBR-29 names the first report of it
// and so the alert; without it, OBR-3 does, or OBR-2. Some senders put the
// alert's own UUID into the namespace and count its reports in the entity
// identifier: "0^381a5f0b-…^0030E60000000001^EUI-64" (gateways of IEEE 11073
// SDC alerts).
func (d *decoder) nameAlert() alertName {
	filler := d.f[3].Rep(1)
	count, uuid := d.text(filler.Component(1)), d.text(filler.Component(2))
	if isUUID(uuid) {
		if n, err := strconv.Atoi(count); err == nil && n >= 0 && n < 1e9 {
			return alertName{id: uuid, update: n + 1, follows: true}
		}
	}
	if id := d.eipOf(d.f[29]); id != "" {
		return alertName{id: id, follows: true}
	}
	if count != "" {
		return alertName{id: count}
	}
	return alertName{id: d.text(d.f[2].Rep(1).Component(1))}
}

// eipOf reads an EIP: the filler's part, else the placer's.
func (d *decoder) eipOf(e hl7v2.Element) string {
	if !e.Present() {
		return ""
	}
	for _, n := range [...]int{2, 1} {
		part := e.Component(n)
		id, name := d.text(part.Sub(1)), d.text(part.Sub(2))
		if _, err := strconv.Atoi(id); err == nil && isUUID(name) {
			return name
		}
		if id != "" {
			return id
		}
	}
	return ""
}

// isUUID says whether a text is a UUID, as such or as a URN (RFC 9562 §4).
func isUUID(s string) bool {
	if len(s) < 36 {
		return false
	}
	s = strings.TrimPrefix(strings.ToLower(s), "urn:uuid:")
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}
