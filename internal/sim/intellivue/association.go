package intellivue

import (
	"bytes"
	"time"
)

// asked is what a client wants of an association (PIPG p. 68 to 71).
type asked struct {
	period uint32 // shortest between its polls, in eighths of a millisecond
	mtu    uint32 // the largest message it takes
	ext    uint32 // options of extended polls; 0: none asked for
}

// userBegins is where the presentation header of a request ends and the user's
// part begins.
var userBegins = []byte{0x02, 0x01, 0x02, 0x81}

// parseRequest reads an association request.
func parseRequest(packet []byte) (a asked, ok bool) {
	if len(packet) < 2 || packet[0] != sessionConnect {
		return a, false
	}
	at := bytes.LastIndex(packet[:min(len(packet), 220)], userBegins)
	if at < 0 {
		return a, false
	}
	r := reader{b: packet[at+len(userBegins):]}
	length := int(r.take(1)[0])
	switch length { // ASNLength, PIPG p. 68
	case 0x81:
		length = int(r.take(1)[0])
	case 0x82:
		length = int(r.u16())
	}
	user := reader{b: r.take(length)}
	protocol := user.u32()
	user.take(16) // nomenclature, functional units, system type, startup
	user.attributes()
	profile := user.attributes()[attrPollProfile]
	if r.bad || user.bad || protocol != 0x80000000 || profile == nil {
		return a, false
	}
	poll := reader{b: profile}
	poll.u32()
	a.period, a.mtu = poll.u32(), poll.u32()
	poll.take(12)
	if ext := poll.attributes()[attrPollExt]; len(ext) >= 4 {
		a.ext = (&reader{b: ext}).u32()
	}
	return a, !poll.bad && a.mtu >= minTransfer
}

// timeout is how long an association lives without a word of the client
// (PIPG p. 70).
func (a asked) timeout() time.Duration {
	period := time.Duration(a.period) * time.Second / ticksSecond
	switch {
	case period <= 3300*time.Millisecond:
		return 10 * time.Second
	case period <= 43*time.Second:
		return 3 * period
	}
	return 130 * time.Second
}

// granted are the options of extended polls that the monitor gives: without a
// period of numerics the whole package is ignored (PIPG p. 72).
func (a asked) granted() uint32 {
	if a.ext&(extNumeric|extAverages) == 0 {
		return 0
	}
	return a.ext & (extNumeric | extWaves | extPriority)
}

var (
	sessionHead = []byte{0x05, 0x08, 0x13, 0x01, 0x00, 0x16, 0x01, 0x02, 0x80, 0x00, 0x14, 0x02, 0x00, 0x02}
	acceptHead  = []byte{
		0x31, 0x80, 0xA0, 0x80, 0x80, 0x01, 0x01, 0x00, 0x00, 0xA2, 0x80, 0xA0, 0x03, 0x00, 0x00, 0x01, 0xA5, 0x80, 0x30, 0x80, 0x80, 0x01, 0x00, 0x81, 0x02,
		0x51, 0x01, 0x00, 0x00, 0x30, 0x80, 0x80, 0x01, 0x00, 0x81, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 0x02, 0x01, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00, 0x00,
		0x00, 0x00, 0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x61, 0x80, 0xA1, 0x80, 0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 0x02, 0x01, 0x00,
		0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0xA2, 0x03, 0x02, 0x01, 0x00, 0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x00, 0xBE, 0x80, 0x28, 0x80, 0x02, 0x01, 0x02, 0x81,
	}
	releaseResponse = []byte{
		sessionDisconnect, 0x18, 0xC1, 0x16, 0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x63, 0x80, 0x80,
		0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	}
	abortMessage = []byte{
		sessionAbort, 0x2E, 0x11, 0x01, 0x03, 0xC1, 0x29, 0xA0, 0x80, 0xA0, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0x06, 0x02, 0x51, 0x01, 0x00, 0x00, 0x00, 0x00,
		0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x64, 0x80, 0x80, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	}
	// the session header tells a refusal; what stands behind it the public
	// descriptions leave open
	refuseMessage = join([]byte{sessionRefuse, byte(len(sessionHead))}, sessionHead)
)

// lengthInfo is the length of a session or presentation part (PIPG p. 67).
func lengthInfo(n int) []byte {
	if n < 0xFF {
		return []byte{byte(n)}
	}
	return append([]byte{0xFF}, u16(uint16(n))...)
}

func asnLength(n int) []byte {
	switch {
	case n < 0x80:
		return []byte{byte(n)}
	case n < 0x100:
		return []byte{0x81, byte(n)}
	}
	return append([]byte{0x82}, u16(uint16(n))...)
}

// acceptance answers an association request.
func acceptance(a asked, mtu uint32) []byte {
	var packages [][]byte
	if granted := a.granted(); granted != 0 {
		packages = [][]byte{attribute(attrPollExt, join(u32(granted), list()))}
	}
	profile := join(u32(0x80000000, a.period, mtu, mtu, 0xFFFFFFFF, pollDynamic), list(packages...))
	support := list(
		join(u16(partObject, classMDS), u32(1)), join(u16(partObject, classNumeric), u32(201)), join(u16(partObject, classWave), u32(60)),
		join(u16(partObject, classPatient), u32(1)), join(u16(partObject, classAlerts), u32(1)))
	user := join(u32(0x80000000, 0x40000000, 0, 0x00800000, 0x40000000), list(),
		list(attribute(attrPollProfile, profile), attribute(attrObjects, support)))
	body := join(acceptHead, asnLength(len(user)), user, make([]byte, 16))
	body = join([]byte{0xC1}, lengthInfo(len(body)), body)
	body = join(sessionHead, body)
	return join([]byte{sessionAccept}, lengthInfo(len(body)), body)
}
