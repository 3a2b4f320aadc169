// Package bytelink is the byte link below every protocol that speaks over a
// serial line or what stands for one: a serial port that may be unplugged and
// plugged in again, a TCP connection to a terminal server or instrument, or
// connections that those make to us, plain or with RFC 2217 (telnet with
// control of the port).
//
// A protocol on top is one function, Serve: it is called for each open link
// with a Session, speaks until the link ends, and returns. Everything else of
// driver.Driver is done here: opening, opening again, limits, stopping, status,
// the list of connections, notes. A new protocol is
//
//	type Settings struct {
//		Link bytelink.Settings `yaml:"link"`
//		// its own
//	}
//
//	func New(ch model.Channel) (driver.Driver, error) {
//		var s Settings
//		if err := conf.Decode(ch.Settings, &s); err != nil { // s.Check calls s.Link.Check("link")
//			return nil, err
//		}
//		return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
//			…link.Read, link.Write, link.Offer…
//		}), nil
//	}
//
// and a line in builtin. Serve keeps no state outside of its call except what
// must outlive the link; the driver may call it for several links at once.
package bytelink
