package extract

import "time"

// The rows of the tables. The tags are the schema of the Parquet files and the
// head of the CSV files; docs/extract.md says what each column means, and a
// test holds the two together. A text that is empty and a time that is zero
// are null.

// source is what every row says of the message it came in.
type source struct {
	Entry       int64     `parquet:"entry,delta"`
	Part        int32     `parquet:"part"`
	Arrived     time.Time `parquet:"arrived,timestamp(microsecond)"`
	Recorded    time.Time `parquet:"recorded,timestamp(microsecond),optional"`
	Channel     string    `parquet:"channel,optional,dict"`
	MessageType string    `parquet:"message_type,optional,dict"`
	ControlID   string    `parquet:"control_id,optional,dict"`
	Sender      string    `parquet:"sender,optional,dict"`
	ReadWith    string    `parquet:"read_with,optional,dict"`
	Patient     string    `parquet:"patient,optional,dict"`
	PatientBy   string    `parquet:"patient_by,optional,dict"`
	Amended     time.Time `parquet:"patient_corrected,timestamp(microsecond),optional"`
	First       string    `parquet:"patient_first,optional,dict"`
	Visit       string    `parquet:"visit,optional,dict"`
	Ward        string    `parquet:"ward,optional,dict"`
	Room        string    `parquet:"room,optional,dict"`
	Bed         string    `parquet:"bed,optional,dict"`
	Facility    string    `parquet:"facility,optional,dict"`
}

// device is who said it.
type device struct {
	Device       string `parquet:"device,optional,dict"`
	Manufacturer string `parquet:"device_manufacturer,optional,dict"`
	Model        string `parquet:"device_model,optional,dict"`
	Serial       string `parquet:"device_serial,optional,dict"`
	Release      string `parquet:"device_release,optional,dict"`
}

// meaning is a code as it was understood and as it was sent.
type meaning struct {
	RefID      string `parquet:"refid,optional,dict"`
	MDC        int64  `parquet:"mdc,optional,dict"`
	LOINC      string `parquet:"loinc,optional,dict"`
	Name       string `parquet:"name,optional,dict"`
	SentCode   string `parquet:"sent_code,optional,dict"`
	SentText   string `parquet:"sent_text,optional,dict"`
	SentSystem string `parquet:"sent_system,optional,dict"`
}

// moment is a time with all that is known of it.
type moment struct {
	Time          time.Time `parquet:"time,timestamp(microsecond),optional"`
	TimeFrom      string    `parquet:"time_from,dict"`
	TimeOriginal  string    `parquet:"time_original,optional"`
	TimePrecision string    `parquet:"time_precision,optional,dict"`
	TimeZone      string    `parquet:"time_zone_from,optional,dict"`
	TimeAmbiguous bool      `parquet:"time_ambiguous"`
	ClockOffset   int64     `parquet:"clock_offset_ns"`
	Uncertainty   int64     `parquet:"time_uncertainty_ns"`
}

type observationRow struct {
	source
	Field string `parquet:"field,optional,dict"`
	SubID string `parquet:"sub_id,optional,dict"`
	device
	meaning
	AlternateCode   string `parquet:"alternate_code,optional,dict"`
	AlternateText   string `parquet:"alternate_text,optional,dict"`
	AlternateSystem string `parquet:"alternate_system,optional,dict"`
	moment
	TimeEnd      time.Time `parquet:"time_end,timestamp(microsecond),optional"`
	ValueKind    string    `parquet:"value_kind,optional,dict"`
	Value        string    `parquet:"value,optional,dict"`
	ValueNumber  *float64  `parquet:"value_number,optional"`
	ValueHigh    string    `parquet:"value_high,optional,dict"`
	Comparator   string    `parquet:"comparator,optional,dict"`
	ValueText    string    `parquet:"value_text,optional,dict"`
	ValueSystem  string    `parquet:"value_system,optional,dict"`
	ValueRefID   string    `parquet:"value_refid,optional,dict"`
	ValueLOINC   string    `parquet:"value_loinc,optional,dict"`
	Unit         string    `parquet:"unit,optional,dict"`
	ValueSent    string    `parquet:"value_sent,optional,dict"`
	UnitSent     string    `parquet:"unit_sent,optional,dict"`
	UnitSentText string    `parquet:"unit_sent_text,optional,dict"`
	Status       string    `parquet:"status,optional,dict"`
	Absent       string    `parquet:"absent,optional,dict"`
	Simulated    bool      `parquet:"simulated"`
	Setting      bool      `parquet:"setting"`
	MappedBy     string    `parquet:"mapped_by,optional,dict"`
	Flags        string    `parquet:"flags,optional,dict"`
	Range        string    `parquet:"reference_range,optional,dict"`
	BodySite     string    `parquet:"body_site,optional,dict"`
	Method       string    `parquet:"method,optional,dict"`
	Parent       string    `parquet:"parent,optional,dict"`
	OrderCode    string    `parquet:"order_code,optional,dict"`
	OrderNumber  string    `parquet:"order_number,optional,dict"`
	Notes        string    `parquet:"notes,optional,dict"`
	IssueCodes   string    `parquet:"issues,optional,dict"`
}

type waveformRow struct {
	source
	Field string `parquet:"field,optional,dict"`
	SubID string `parquet:"sub_id,optional,dict"`
	device
	meaning
	moment
	Period     int64   `parquet:"period_ns"`
	Origin     string  `parquet:"origin,dict"`
	Scale      string  `parquet:"scale,dict"`
	Unit       string  `parquet:"unit,optional,dict"`
	UnitSent   string  `parquet:"unit_sent,optional,dict"`
	Low        string  `parquet:"low,optional,dict"`
	High       string  `parquet:"high,optional,dict"`
	Status     string  `parquet:"status,optional,dict"`
	Simulated  bool    `parquet:"simulated"`
	Samples    []int32 `parquet:"samples,list" parquet-element:",delta"`
	IssueCodes string  `parquet:"issues,optional,dict"`
}

type alertRow struct {
	source
	Field string `parquet:"field,optional,dict"`
	Alert string `parquet:"alert,optional,dict"`
	device
	meaning
	moment
	Text        string    `parquet:"text,optional,dict"`
	Phase       string    `parquet:"phase,optional,dict"`
	State       string    `parquet:"state,optional,dict"`
	Muted       string    `parquet:"muted,optional,dict"`
	Priority    string    `parquet:"priority,optional,dict"`
	Kind        string    `parquet:"kind,optional,dict"`
	SourceRefID string    `parquet:"source_refid,optional,dict"`
	SourceMDC   int64     `parquet:"source_mdc,optional,dict"`
	Value       string    `parquet:"value,optional,dict"`
	ValueNumber *float64  `parquet:"value_number,optional"`
	Unit        string    `parquet:"unit,optional,dict"`
	Limits      string    `parquet:"limits,optional,dict"`
	Simulated   bool      `parquet:"simulated"`
	Life        string    `parquet:"life,optional,dict"`
	Stage       string    `parquet:"stage,optional,dict"`
	Began       time.Time `parquet:"began,timestamp(microsecond),optional"`
	Ended       time.Time `parquet:"ended,timestamp(microsecond),optional"`
	Late        bool      `parquet:"late"`
	Heartbeat   bool      `parquet:"heartbeat"`
}

type messageRow struct {
	source
	Peer         string    `parquet:"peer,optional,dict"`
	Identity     string    `parquet:"identity,optional,dict"`
	Codec        string    `parquet:"codec,optional,dict"`
	Profile      string    `parquet:"profile,optional,dict"`
	Version      string    `parquet:"version,optional,dict"`
	SentBy       string    `parquet:"sender_facility,optional,dict"`
	Receiver     string    `parquet:"receiver,optional,dict"`
	Test         bool      `parquet:"test"`
	TimeOriginal string    `parquet:"time_original,optional"`
	TimeUTC      time.Time `parquet:"time,timestamp(microsecond),optional"`
	Event        string    `parquet:"event,optional,dict"`
	Devices      string    `parquet:"devices,optional,dict"`
	Observations int32     `parquet:"observations"`
	Waveforms    int32     `parquet:"waveforms"`
	Alerts       int32     `parquet:"alerts"`
	Issues       int32     `parquet:"issues"`
	Sent         string    `parquet:"routed_to,optional,dict"`
	Refused      string    `parquet:"refused_to,optional,dict"`
	DuplicateOf  string    `parquet:"duplicate_of,optional"`
	Repeated     int32     `parquet:"repeated"`
	Notes        string    `parquet:"notes,optional,dict"`
}

type issueRow struct {
	source
	Code     string `parquet:"code,dict"`
	Severity string `parquet:"severity,dict"`
	Field    string `parquet:"field,optional,dict"`
	Offset   int64  `parquet:"offset"`
	Text     string `parquet:"text,optional,dict"`
	Hint     string `parquet:"hint,optional,dict"`
	Received string `parquet:"received,optional,dict"`
}
