package openmhealth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// form is the schema that values of some metrics are written as, its newest
// version.
type form struct {
	name, version string
	member        string
	units         []string // of the schema, the preferred one first
	refids        []string
}

// forms are in the order of the schemas' names. A pulse rate is a heart rate
// whatever it was taken from; a temperature and a blood pressure are written
// only where the schema can say where and how they were taken.
var forms = []form{
	{"ambient-temperature", "1.0", "ambient_temperature", []string{"C"}, []string{"MDC_TEMP_ROOM"}},
	{"blood-glucose", "4.0", "blood_glucose", []string{"mg/dL", "mmol/L"}, []string{"MDC_CONC_GLU_GEN", "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD"}},
	{"blood-pressure", "4.0", "systolic_blood_pressure", []string{"mmHg"}, []string{refSystolic}},
	{"body-fat-percentage", "2.0", "body_fat_percentage", []string{"%"}, []string{"MDC_BODY_FAT"}},
	{"body-height", "2.0", "body_height", []string{"cm"}, []string{"MDC_LEN_BODY_ACTUAL"}},
	{"body-mass-index", "3.0", "body_mass_index", []string{"kg/m^2"}, []string{"MDC_RATIO_MASS_BODY_LEN_SQ"}},
	{"body-temperature", "4.0", "body_temperature", []string{"C"}, []string{"MDC_TEMP_BODY", "MDC_TEMP", "MDC_TEMP_AXIL", "MDC_TEMP_ORAL", "MDC_TEMP_RECT", "MDC_TEMP_TYMP"}},
	{"body-weight", "3.0", "body_weight", []string{"kg"}, []string{"MDC_MASS_BODY_ACTUAL"}},
	{"expiratory-time", "1.0", "expiratory_time", []string{"sec"}, []string{"MDC_TIME_PD_EXP"}},
	{"heart-rate", "2.0", "heart_rate", []string{"beats/min"}, []string{"MDC_PULS_RATE", "MDC_PULS_RATE_NON_INV", "MDC_PULS_OXIM_PULS_RATE", "MDC_ECG_HEART_RATE", "MDC_BLD_PULS_RATE_INV"}},
	{"inspiratory-time", "1.0", "inspiratory_time", []string{"sec"}, []string{"MDC_TIME_PD_INSP"}},
	{"minute-volume", "1.0", "minute_volume", []string{"L/min"}, []string{"MDC_VOL_MINUTE_AWAY", "MDC_VOL_MINUTE_AWAY_INSP", "MDC_VOL_MINUTE_AWAY_EXP"}},
	{"oxygen-saturation", "2.0", "oxygen_saturation", []string{"%"}, []string{"MDC_PULS_OXIM_SAT_O2"}},
	{"respiratory-rate", "2.0", "respiratory_rate", []string{"breaths/min"}, []string{"MDC_RESP_RATE", "MDC_TTHOR_RESP_RATE", "MDC_PULS_OXIM_PLETH_RESP_RATE", "MDC_CO2_RESP_RATE", "MDC_AWAY_RESP_RATE"}},
}

const (
	refSystolic  = "MDC_PRESS_BLD_NONINV_SYS"
	refDiastolic = "MDC_PRESS_BLD_NONINV_DIA"
)

// steps are known by their LOINC code only.
var steps = form{"step-count", "3.0", "step_count", []string{"steps"}, nil}

func formOf(c model.Code) *form {
	for i := range forms {
		for _, refid := range forms[i].refids {
			if refid == c.RefID {
				return &forms[i]
			}
		}
	}
	if c.RefID == "" && c.LOINC == "55423-8" {
		return &steps
	}
	return nil
}

// Left is what has no place in any document, and why.
type Left struct {
	Field string // "OBX[3]"
	Code  string // Code.Key, or as it was sent
	Why   string
}

// Why something was left.
const (
	LeftNoSchema  = "no schema has it"
	LeftNoValue   = "there is no value that could be used"
	LeftSimulated = "the value is simulated"
	LeftWithdrawn = "the result was withdrawn"
	LeftNoTime    = "nobody says when it was"
	LeftUnit      = "no unit of the schema can hold it"
	LeftAlone     = "the other part of the blood pressure is missing"
)

// Encode writes the observations of a normalised message as data points, each
// valid by its schema, in the order of the message; what it leaves it names.
// The same message always gives the same bytes. Waveforms, alerts and events
// have no schema and are not named.
func Encode(m *model.Message) (documents [][]byte, left []Left) {
	e := encoder{m: m}
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Parent != "" && e.qualifies(o) || e.taken[i] {
			continue
		}
		d, why := e.document(i)
		if why != "" {
			key := o.Code.Key()
			if key == "" {
				key = o.Received.Code
			}
			left = append(left, Left{o.Field, key, why})
			continue
		}
		documents = append(documents, d)
	}
	return documents, left
}

type encoder struct {
	m     *model.Message
	taken map[int]bool // diastolic pressures that stand in a document already
}

// qualifies says whether an observation stands in the document of another.
func (e *encoder) qualifies(o *model.Observation) bool {
	return e.m.Codec == Name && known(o.Received.Code)
}

func known(name string) bool {
	for _, c := range circumstances {
		if c == name {
			return true
		}
	}
	return name == "part_of_day"
}

// document writes the data point of observation i.
func (e *encoder) document(i int) ([]byte, string) {
	o := &e.m.Observations[i]
	f := formOf(o.Code)
	switch {
	case o.Code.RefID == refDiastolic:
		return nil, LeftAlone
	case f == nil || o.Setting:
		return nil, LeftNoSchema
	case o.Simulated || e.m.Test:
		return nil, LeftSimulated
	case o.Status == model.StatusError || o.Status == model.StatusCancelled:
		return nil, LeftWithdrawn
	case o.Value.Kind != model.ValueNumber || o.Value.Comparator != "" || o.Absent != "":
		return nil, LeftNoValue
	}
	frame := e.frame(f, o)
	if frame == nil {
		return nil, LeftNoTime
	}
	if f == &steps && frame.Interval == nil {
		return nil, LeftNoTime // the schema wants a span
	}
	value, ok := f.value(o)
	if !ok {
		return nil, LeftUnit
	}
	body := fields{{f.member, value}}
	if o.Code.RefID == refSystolic {
		at := e.diastolic(i)
		if at < 0 {
			return nil, LeftAlone
		}
		other, ok := f.value(&e.m.Observations[at])
		if !ok {
			return nil, LeftUnit
		}
		body = append(body, field{"diastolic_blood_pressure", other})
		if e.taken == nil {
			e.taken = map[int]bool{}
		}
		e.taken[at] = true
	}
	body = append(body, field{"effective_time_frame", frame})
	body = e.circumstances(f, o, body)
	out, err := json.Marshal(fields{{"header", e.header(f, o)}, {"body", body}})
	if err != nil {
		return nil, LeftNoValue
	}
	return out, ""
}

// diastolic finds the other part of a blood pressure, -1 where there is none:
// of the same time, device and order, the next one not taken.
func (e *encoder) diastolic(systolic int) int {
	s := &e.m.Observations[systolic]
	for i := range e.m.Observations {
		d := &e.m.Observations[i]
		if d.Code.RefID == refDiastolic && !e.taken[i] && d.Value.Kind == model.ValueNumber && d.Absent == "" && d.Simulated == s.Simulated &&
			d.Device == s.Device && d.Order == s.Order && d.DeviceTime.UTC.Equal(s.DeviceTime.UTC) && d.Method == s.Method {
			return i
		}
	}
	return -1
}

type unitValue struct {
	Value model.Decimal `json:"value"`
	Unit  string        `json:"unit"`
}

// value writes a number in the first of the schema's units that can hold it.
func (f *form) value(o *model.Observation) (unitValue, bool) {
	from, err := ucum.Parse(o.UnitUCUM)
	if err != nil {
		return unitValue{}, false
	}
	for _, name := range f.units {
		if units[name] == o.UnitUCUM {
			return unitValue{o.Value.Number, name}, true
		}
	}
	for _, name := range f.units {
		to, err := ucum.Parse(units[name])
		if err != nil {
			continue
		}
		if v, _, err := ucum.Convert(o.Value.Number, from, to); err == nil {
			return unitValue{v, name}, true
		}
	}
	return unitValue{}, false
}

// header is an omh/header-1.2.
func (e *encoder) header(f *form, o *model.Observation) fields {
	m := e.m
	created := m.Recorded
	for _, t := range [...]time.Time{m.Arrived, m.DeviceTime.UTC, e.time(o)} {
		if created.IsZero() {
			created = t
		}
	}
	out := fields{
		{"id", e.id(o)},
		{"creation_date_time", rfc3339(created)},
		{"schema_id", fields{{"namespace", "omh"}, {"name", f.name}, {"version", f.version}}},
	}
	if from := e.source(o); from != "" {
		p := fields{{"source_name", from}}
		if t := m.DeviceTime.UTC; !t.IsZero() && sane(t) {
			p = append(p, field{"source_creation_date_time", rfc3339(t)})
		}
		switch {
		case has(o.Notes, selfReported):
			p = append(p, field{"modality", selfReported})
		case m.Codec != Name || o.Device >= 0:
			p = append(p, field{"modality", "sensed"})
		}
		out = append(out, field{"acquisition_provenance", p})
	}
	if p := m.Patient; p != nil {
		switch {
		case len(p.Identifiers) > 0:
			out = append(out, field{"user_id", p.Identifiers[0].Value})
		case p.ID != "":
			out = append(out, field{"user_id", string(p.ID)})
		}
	}
	return out
}

// source names the device, else the application that sent the message.
func (e *encoder) source(o *model.Observation) string {
	if o.Device >= 0 && o.Device < len(e.m.Devices) {
		d := &e.m.Devices[o.Device]
		for d.Model == "" && d.Parent >= 0 && d.Parent < len(e.m.Devices) && d.Parent < o.Device {
			d = &e.m.Devices[d.Parent]
		}
		switch {
		case d.Manufacturer != "" && d.Model != "":
			return d.Manufacturer + " " + d.Model
		case d.Model != "":
			return d.Model
		}
	}
	return e.m.Sender.Application
}

// id is a UUID (version 8 of RFC 9562) that follows from what was said, so
// that the same observation has the same one wherever it is written.
func (e *encoder) id(o *model.Observation) string {
	m := e.m
	h := sha256.New()
	for _, s := range [...]string{m.Codec, m.Type, m.ControlID, m.Sender.Application, m.Sender.ApplicationID, m.Sender.Facility, m.DeviceTime.Original,
		o.Field, o.SubID, o.Received.Code, o.DeviceTime.Original, o.Value.Number.String(), string(o.Status)} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	x := hex.EncodeToString(b)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
