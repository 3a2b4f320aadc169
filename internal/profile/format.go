package profile

import (
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Profile is how we read one model of device, in one version. It is immutable
// once parsed; several goroutines may use it.
type Profile struct {
	Name      string    `yaml:"profile" json:"profile,omitempty" doc:"maker and model, as the folder is called: acme/vm200"`
	Version   int       `yaml:"version" json:"version,omitempty" doc:"counts up with every change that is brought in force"`
	Title     string    `yaml:"title" json:"title,omitempty" doc:"one line for people: Acme VM-200 bedside monitor"`
	Codec     string    `yaml:"codec" json:"codec,omitempty" doc:"what the bytes are: hl7v2, astm, poct1a, intellivue, medibus, masimo, nonin, dri, json or csv"`
	AppliesTo AppliesTo `yaml:"applies_to" json:"applies_to,omitempty"`
	Evidence  []Source  `yaml:"evidence" json:"evidence,omitempty"`
	Hardware  string    `yaml:"hardware" json:"hardware,omitempty" doc:"when and where it was tried on a real device; never, if it was not"`

	Line         model.Line                   `yaml:"line" json:"line,omitzero"`
	Time         TimeRule                     `yaml:"time" json:"time,omitempty"`
	Device       DeviceRule                   `yaml:"device" json:"device,omitempty"`
	Patient      PatientRule                  `yaml:"patient" json:"patient,omitempty"`
	Each         Fields                       `yaml:"each" json:"each,omitempty" doc:"where the rows of a document lie: obs[*]; the document itself unless told"`
	Table        string                       `yaml:"table" json:"table,omitempty" doc:"file beside profile.yaml with the labels: label;code;loinc;unit_in;unit;min;max;missing"`
	Observe      []Observe                    `yaml:"observe" json:"observe,omitempty"`
	AlertTable   string                       `yaml:"alert_table" json:"alertTable,omitempty" doc:"file beside profile.yaml with the alarms: label;code;source;priority;kind;text"`
	Alerts       []AlertRule                  `yaml:"alerts" json:"alerts,omitempty"`
	Derive       []Derive                     `yaml:"derive" json:"derive,omitempty"`
	Enumerations map[string]map[string]string `yaml:"enumerations" json:"enumerations,omitempty" doc:"named lists: what a device writes -> what it means"`
	Quirks       []Quirk                      `yaml:"quirks" json:"quirks,omitempty"`

	labels map[string]*Label      // by squeezed label, see Label
	alarms map[string]*AlertLabel // by squeezed label
	digest string                 // SHA-256 over all files
	ref    string                 // name and version, made once
	lists  []string               // names of the enumerations, sorted
	range_ versionRange
	when   *guard
	common bool // some rule of Observe reads the rows of Each
	cases  []Case
	kept   Files // files of the cases, as texts
	files  Files // profile.yaml and the table, as they were read
}

// AppliesTo says whose messages are meant. What is left out does not matter;
// what stands must all hold. Letters count the same, capital or small; * stands
// for any text.
type AppliesTo struct {
	Manufacturer Texts  `yaml:"manufacturer" json:"manufacturer,omitempty" doc:"what the device says of its maker; one text or a list"`
	Model        Texts  `yaml:"model" json:"model,omitempty" doc:"what the device says of its model"`
	Software     string `yaml:"software" json:"software,omitempty" doc:"range of software versions: '>=2.1 <3'"`
	Sender       Texts  `yaml:"sender" json:"sender,omitempty" doc:"sending application (HL7 MSH-3: its name, else its id) or client name"`
	Type         Texts  `yaml:"type" json:"type,omitempty" doc:"message type: ORU^R01*"`
	Channel      Texts  `yaml:"channel" json:"channel,omitempty" doc:"id of the channel it came in by"`
	Topic        Texts  `yaml:"topic" json:"topic,omitempty" doc:"where the sender files its messages: an MQTT topic filter, '+' for one level, '#' for all that follow; or the pattern of a file's name, '*' for any letters"`
	When         string `yaml:"when" json:"when,omitempty" doc:"CEL expression over the document (json, csv) that must be true"`
}

// Source is one piece of evidence for what the profile claims.
type Source struct {
	Document string `yaml:"document" json:"document,omitempty" doc:"title or address of a manual, standard, public capture or source code"`
	Shows    string `yaml:"shows" json:"shows,omitempty" doc:"what it shows"`
}

// TimeRule says how the device tells time (R16).
type TimeRule struct {
	From    Fields `yaml:"from" json:"from,omitempty" doc:"fields of the time, the first that is there counts; 'arrived' stands for the time of arrival"`
	Format  string `yaml:"format" json:"format,omitempty" doc:"iso, hl7, epoch_s, epoch_ms, epoch_us, or a pattern such as 'DD.MM.YYYY hh:mm:ss'; found out unless told"`
	Zone    string `yaml:"zone" json:"zone,omitempty" doc:"IANA zone of times that name none; register (of the device's place) unless told"`
	Correct string `yaml:"correct" json:"correct,omitempty" default:"none" doc:"offset: times are corrected by the clock offset that is estimated; none: they stay"`
}

// DeviceRule says which fields name the device.
type DeviceRule struct {
	Manufacturer Fields `yaml:"manufacturer" json:"manufacturer,omitempty"`
	Model        Fields `yaml:"model" json:"model,omitempty"`
	Serial       Fields `yaml:"serial" json:"serial,omitempty"`
	Software     Fields `yaml:"software" json:"software,omitempty"`
	UDI          Fields `yaml:"udi" json:"udi,omitempty"`
	ID           Fields `yaml:"id" json:"id,omitempty" doc:"an identifier of the device in the sender's namespace"`
	Battery      Fields `yaml:"battery" json:"battery,omitempty" doc:"state of charge in per cent"`
}

// PatientRule says which fields name the patient.
type PatientRule struct {
	ID     Fields `yaml:"id" json:"id,omitempty"`
	System string `yaml:"system" json:"system,omitempty" doc:"who assigns the id: the assigning authority's name"`
	Nobody Texts  `yaml:"nobody" json:"nobody,omitempty" doc:"ids that stand for no patient: Unknown Patient, 99999; * stands for any text"`
	Visit  Fields `yaml:"visit" json:"visit,omitempty"`
	Family Fields `yaml:"family" json:"family,omitempty"`
	Given  Fields `yaml:"given" json:"given,omitempty"`
}

// Observe makes observations of a row. In hl7v2 the rows are the message's
// observations already; rules of Observe then fill what is missing in them.
type Observe struct {
	Each     Fields `yaml:"each" json:"each,omitempty" doc:"rows of this rule alone (json, csv); those of the profile unless told"`
	Match    string `yaml:"match" json:"match,omitempty" doc:"condition that a row must fulfil (json, csv), as in a path's filter: @.type == 'hr' && @.value"`
	Needs    Fields `yaml:"needs" json:"needs,omitempty" doc:"fields that must all be there (json, csv); a row that lacks one gives nothing but an issue"`
	Label    Fields `yaml:"label" json:"label,omitempty" doc:"field whose text is looked up in the table, or the label itself in quotes"`
	Code     string `yaml:"code" json:"code,omitempty" doc:"the code itself, MDC refid or LOINC, where the field tells it all"`
	Value    Fields `yaml:"value" json:"value,omitempty"`
	Compute  string `yaml:"compute" json:"compute,omitempty" doc:"CEL expression that gives the value, in place of a field (json, csv): double(height) * 0.0254"`
	Unit     Fields `yaml:"unit" json:"unit,omitempty" doc:"field of the unit, or a text in quotes: '\"mm[Hg]\"'"`
	Time     Fields `yaml:"time" json:"time,omitempty" doc:"time of this value, where it differs from the message's"`
	Device   Fields `yaml:"device" json:"device,omitempty" doc:"id of the device (json, csv), where another field than device.id tells it"`
	Patient  Fields `yaml:"patient" json:"patient,omitempty" doc:"id of the patient (json, csv), where another field than patient.id tells it"`
	When     string `yaml:"when" json:"when,omitempty" doc:"CEL expression that must be true"`
	Meaning  string `yaml:"meaning" json:"meaning,omitempty" doc:"enumeration by which the value is read"`
	Setting  string `yaml:"setting" json:"setting,omitempty" doc:"CEL expression: true for what a person set"`
	Simulate string `yaml:"simulated" json:"simulated,omitempty" doc:"CEL expression: true for values of a demonstration or test"`
	Status   Fields `yaml:"status" json:"status,omitempty" doc:"final, preliminary, corrected, cancelled or entered-in-error"`
	Samples  Fields `yaml:"samples" json:"samples,omitempty" doc:"list of samples: makes a waveform of the row"`
	Rate     Fields `yaml:"rate" json:"rate,omitempty" doc:"samples per second"`

	when, setting, simulated, compute *guard
	match                             *filter
}

// Derive makes a value of others of the same message.
type Derive struct {
	Code   string `yaml:"code" json:"code,omitempty" doc:"MDC refid or LOINC of what is derived"`
	Value  string `yaml:"value" json:"value,omitempty" doc:"CEL expression over v, the numbers by code: v[\"MDC_PRESS_BLD_ART_SYS\"] - v[\"MDC_PRESS_BLD_ART_DIA\"]"`
	Unit   string `yaml:"unit" json:"unit,omitempty" doc:"UCUM unit of the result"`
	Digits int    `yaml:"digits" json:"digits,omitempty" default:"0" doc:"decimal places of the result"`
	When   string `yaml:"when" json:"when,omitempty"`

	value, when *guard
}

// Quirk mends where a device departs from what its messages should say.
type Quirk struct {
	ID       string            `yaml:"id" json:"id,omitempty" doc:"short name; it stands in the issue"`
	Says     string            `yaml:"says" json:"says,omitempty" doc:"what the device does, in one sentence"`
	Evidence string            `yaml:"evidence" json:"evidence,omitempty" doc:"where that was seen"`
	When     string            `yaml:"when" json:"when,omitempty" doc:"CEL expression over the row"`
	Set      map[string]string `yaml:"set" json:"set,omitempty" doc:"field -> CEL expression of its new value: value, unit, status, simulated, absent, time, label"`
	Silent   bool              `yaml:"silent" json:"silent,omitempty" default:"false" doc:"make no issue of it: it happens with every message"`

	when *guard
	set  []change
}

type change struct {
	field string
	value *guard
}

// Label is one row of a profile's table: what a label of the device means.
type Label struct {
	Label   string `json:"label"`
	Code    string `json:"code"`             // MDC refid, or LOINC code
	UnitIn  string `json:"unitIn,omitempty"` // unit the device means where it sends none, or one nobody knows
	Unit    string `json:"unit,omitempty"`   // UCUM, where another than the table's preferred one is wanted
	Min     string `json:"min,omitempty"`
	Max     string `json:"max,omitempty"`
	Missing Texts  `json:"missing,omitempty"` // texts and numbers that stand for no value
	Kind    string `json:"kind,omitempty"`    // numeric, setting, enumeration, text, ignore
	Meaning string `json:"meaning,omitempty"` // enumeration by which values are read
}

// Texts is one text or a list of texts.
type Texts []string

// Set implements conf.Setter.
func (t *Texts) Set(given any) error {
	list, ok := texts(given)
	if !ok {
		return fault.New(fault.Invalid, "conf.wrong-type", "expected a text or a list of texts")
	}
	*t = list
	return nil
}

func texts(given any) ([]string, bool) {
	switch x := given.(type) {
	case string:
		return []string{x}, true
	case int64, float64, bool:
		return []string{text(x)}, true
	case []any:
		var out []string
		for _, one := range x {
			switch one.(type) {
			case string, int64, float64, bool:
				out = append(out, text(one))
			default:
				return nil, false
			}
		}
		return out, true
	}
	return nil, false
}

// Case is one example in the profile's folder: what came, and what it means.
type Case struct {
	Name     string
	Input    []byte
	Expected []byte // JSON lines, as `thalamus decode --profile` prints them
}
