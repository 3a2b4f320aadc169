package faults

// Where says at which place of the way something goes wrong.
type Where string

// Places.
const (
	Link    Where = "link"    // on the wire: every kind that speaks over a stream or datagrams
	Content Where = "content" // in what a device says: the kinds that list it
	Site    Where = "site"    // at the server, its disk or a receiver: `thalamus drill`
)

// Names of the faults that simulators ask for.
const (
	Unplugged     = "unplugged"
	Reset         = "reset"
	HalfFrame     = "half-frame"
	Silence       = "silence"
	Dropped       = "dropped"
	Swapped       = "swapped"
	Duplicate     = "duplicate"
	SlowDrip      = "slow-drip"
	Garbage       = "garbage"
	WrongChecksum = "wrong-checksum"
	Oversized     = "oversized"
	Flood         = "flood"
	BegunAnew     = "begun-anew"
	Truncated     = "truncated-batch"
	Busy          = "busy"

	ClockJump    = "clock-jump"
	ZoneChange   = "zone-change"
	SummerNight  = "daylight-saving"
	WrongUnit    = "wrong-unit"
	NewLabel     = "new-label"
	Firmware     = "firmware-change"
	WrongPatient = "wrong-patient"
	OutOfRange   = "out-of-range"
	NaN          = "nan"
	SensorOff    = "sensor-off"
	NoNumber     = "no-number"
	DemoMode     = "demo-mode"

	CertificateExpired = "certificate-expired"
	CredentialsRevoked = "credentials-revoked"
	DiskFull           = "disk-full"
	ServerRestarted    = "server-restarted"
	DestinationDown    = "destination-down"
	DestinationSlow    = "destination-slow"
	DestinationRefuses = "destination-refuses"
)

// Fault is one way in which things go wrong.
type Fault struct {
	Name  string `json:"name"`
	Where Where  `json:"where"`
	Does  string `json:"does"`
	Seen  string `json:"seen"` // what a person should see of it
}

// catalogue in the order in which it is shown.
var catalogue = [...]Fault{
	{Unplugged, Link, "the connection ends between two messages and nobody can connect for two seconds", "the channel's peers fall and rise; after its own rhythm the device is silent"},
	{Reset, Link, "the connection is reset in the middle of a frame", "a note on the channel: a frame was cut; the message comes again"},
	{HalfFrame, Link, "half a frame, then the connection is closed; half a file, because its writer died", "a note on the channel, or an issue at what came: a frame was cut; the message comes again"},
	{Silence, Link, "half a frame and silence, then the connection is closed", "a note on the channel: a frame was cut, or its sender cut off; the message comes again"},
	{Dropped, Link, "over a stream the connection is gone before the answer, so that the message comes again; a datagram never arrives", "the repeat is linked to the first and has no second effect; over datagrams a gap"},
	{Swapped, Link, "two messages, or two datagrams, come the wrong way round", "both are recorded; values stand in the order of their own times"},
	{Duplicate, Link, "a message comes again after it was acknowledged", "the repeat is linked to the first and has no second effect"},
	{SlowDrip, Link, "a frame comes byte by byte, a file grows", "nothing: it is taken as any other"},
	{Garbage, Link, "noise before a frame; a file that is none of its kind; a page of a proxy in place of an answer", "a note on the channel: what belonged to no frame was passed over, its sender cut off, or the file refused"},
	{WrongChecksum, Link, "a byte of a frame is not what it was", "a note on the channel: a frame was refused; it comes again"},
	{Oversized, Link, "a frame, a file or an answer of 17 MiB", "a note on the channel: it was refused, or its sender cut off; the device's next message is taken"},
	{Flood, Link, "fifty messages at once", "nothing: they are taken one after another"},
	{Busy, Link, "a server that is asked says twice that it is busy, and when to ask again (429, 503, Retry-After)", "a note on the channel: the server is busy; it is asked again by itself"},
	{BegunAnew, Content, "a transmission begins anew before the one before it ended; a server has forgotten the page that is asked for", "a note on the channel: a transmission was broken off; the message comes again"},
	{Truncated, Content, "a batch ends before its last message, or tells another number than it holds", "an issue that names both numbers, or a note; what came is recorded"},

	{ClockJump, Content, "the device's clock says 1970, or yesterday", "an issue at the message; the device's state: its clock is off"},
	{ZoneChange, Content, "the device's clock goes on in another time zone and does not say so", "an issue, or the device's state: its clock is off"},
	{SummerNight, Content, "a local time without a zone, from the hour that exists twice", "an issue: the time is ambiguous"},
	{WrongUnit, Content, "a value under a unit that does not fit it", "an issue: the unit does not fit; the value keeps its unit and is not converted"},
	{NewLabel, Content, "a value under a label that nobody has seen", "an issue, and the label in the inbox of labels; the value is kept under its own name"},
	{Firmware, Content, "the device's software is another one in mid-stay", "the device's state: its release changed"},
	{WrongPatient, Content, "the device names another patient than the one it is on", "the value counts for whom it names; whoever looks at the device sees both patients"},
	{OutOfRange, Content, "a value that no living body has", "an issue: the value is out of its range; it is kept and marked"},
	{NaN, Content, "a number that is none: NaN in the wire's own way", "the value is marked as missing, or an issue"},
	{SensorOff, Content, "no value, because the sensor is off", "the value is marked as missing"},
	{NoNumber, Content, "dashes in place of a number", "an issue: a number was expected"},
	{DemoMode, Content, "values marked as those of a demonstration", "the values are marked and never count as a patient's"},

	{CertificateExpired, Site, "a device shows a certificate that has expired", "a note on the channel: the device was not let in"},
	{CredentialsRevoked, Site, "a device's credential is revoked while it is connected", "a note on the channel: the device was not let in; its connection is closed at once"},
	{DiskFull, Site, "the disk of the server is full", "the overview says that senders are told to wait, and why; it goes on by itself"},
	{ServerRestarted, Site, "the server stops and starts again while devices send", "nothing is lost; the devices' connections fall and rise"},
	{DestinationDown, Site, "a receiver takes no connection", "the destination's state and its queue; it goes on by itself"},
	{DestinationSlow, Site, "a receiver answers after the sender's patience, and so is sent again what it took", "the destination's state and its queue; it goes on by itself"},
	{DestinationRefuses, Site, "a receiver refuses what it is sent", "the destination's state, and dead letters where it refused for good"},
}

// Catalogue gives every fault.
func Catalogue() []Fault { return append([]Fault(nil), catalogue[:]...) }

// Find gives a fault by its name.
func Find(name string) (Fault, bool) {
	for _, f := range catalogue {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}
