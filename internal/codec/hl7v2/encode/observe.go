package encode

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// statuses is HL7 table 0085 for FHIR's words.
var statuses = map[model.Status]string{
	model.StatusFinal: "F", model.StatusPreliminary: "P", model.StatusRegistered: "I",
	model.StatusCorrected: "C", model.StatusCancelled: "X", model.StatusError: "W",
}

func (w *writer) results() {
	if len(w.m.Observations)+len(w.m.Waveforms) == 0 {
		return
	}
	last := -1
	for i := range w.m.Observations {
		o := &w.m.Observations[i]
		if o.Order != last || i == 0 {
			last = o.Order
			var order *model.Order
			if last >= 0 && last < len(w.m.Orders) {
				order = &w.m.Orders[last]
			}
			w.order(order, w.m.ControlID, "", o.DeviceTime)
		}
		w.observation(o)
	}
	for i := range w.m.Waveforms {
		f := &w.m.Waveforms[i]
		if w.obr == 0 {
			w.order(nil, w.m.ControlID, "", f.DeviceTime)
		}
		w.waveform(f)
	}
	w.clocks()
}

// begin writes OBX-1 to OBX-4.
func (w *writer) begin(valueType string, code model.Code, received model.Coding, sub string) {
	w.obx++
	w.Segment("OBX")
	w.Field(1, strconv.Itoa(w.obx))
	w.Field(2, valueType)
	w.code(3, code, received)
	w.Field(4, sub)
}

// code writes what a coding means, and what was sent as the alternate. LOINC
// is the alternate where the sender's code is the MDC one itself.
func (w *writer) code(field int, code model.Code, sent model.Coding) {
	mdc := strconv.FormatUint(uint64(code.MDC), 10)
	switch {
	case code.RefID != "":
		if sent.System == "MDC" && (sent.Code == mdc || sent.Text == code.RefID) {
			sent = model.Coding{}
			if code.LOINC != "" {
				sent = model.Coding{Code: code.LOINC, Text: code.Name, System: "LN"}
			}
		}
		w.Field(field, mdc, code.RefID, "MDC", sent.Code, sent.Text, sent.System)
	case code.LOINC != "" && sent.Code != code.LOINC:
		w.Field(field, code.LOINC, code.Name, "LN", sent.Code, sent.Text, sent.System)
	default:
		w.Field(field, sent.Code, sent.Text, sent.System)
	}
}

func (w *writer) observation(o *model.Observation) {
	kind := valueType(o)
	w.begin(kind, o.Code, o.Received, o.SubID)
	w.value(&o.Value)
	w.unit(o.UnitUCUM, o.UnitSent)
	w.Field(7, o.RangeText)
	flags := o.Flags
	if o.Simulated && !contains(flags, "DEMO") && !contains(flags, "TEST") {
		flags = append(append([]string(nil), flags...), "DEMO") // IHE PCD TF-2 §B.8: simulated values
	}
	for i, f := range flags {
		if i == 0 {
			w.Field(8, f)
		} else {
			w.Rep(f)
		}
	}
	status := statuses[o.Status]
	if o.Value.Kind == model.ValueNone && status == "F" {
		status = "X" // no result can be had
	}
	w.Field(11, status)
	w.Field(14, stamp(o.DeviceTime))
	w.coding(17, o.Method)
	w.equipment(o.Device)
	w.coding(20, o.BodySite)
	w.notes(o.Notes)
}

func (w *writer) coding(field int, c model.Coding) { w.Field(field, c.Code, c.Text, c.System) }

// unit writes OBX-6: UCUM, and the unit as sent where it is another.
func (w *writer) unit(ucum string, sent model.Coding) {
	switch {
	case ucum == "":
		w.coding(6, sent)
	case sent.Code == ucum:
		w.Field(6, ucum, "", "UCUM")
	default:
		w.Field(6, ucum, "", "UCUM", sent.Code, sent.Text, sent.System)
	}
}

// equipment writes OBX-18: the strongest identifier of the device.
func (w *writer) equipment(device int) {
	if device < 0 || device >= len(w.m.Devices) || len(w.m.Devices[device].Identifiers) == 0 {
		return
	}
	id := w.m.Devices[device].Identifiers[0]
	if id.Type == "EUI-64" && id.System == "" {
		id.System = id.Value
	}
	w.Field(18, id.Value, "", id.System, id.Type)
}

// valueType is OBX-2.
func valueType(o *model.Observation) string {
	v := &o.Value
	switch v.Kind {
	case model.ValueNumber:
		if v.Comparator != "" {
			return "SN"
		}
		return "NM"
	case model.ValueRange, model.ValueRatio:
		return "SN"
	case model.ValueCoded:
		return "CWE"
	case model.ValueTime:
		return "DTM"
	case model.ValueBinary:
		return "ED"
	case model.ValueText:
		if o.ValueType == "TX" || o.ValueType == "FT" {
			return o.ValueType
		}
		return "ST"
	}
	return ""
}

// value writes OBX-5.
func (w *writer) value(v *model.Value) {
	switch v.Kind {
	case model.ValueNumber:
		if v.Comparator != "" {
			w.Field(5, v.Comparator, Number(v.Number))
		} else {
			w.Field(5, Number(v.Number))
		}
	case model.ValueRange:
		w.Field(5, "", Number(v.Number), "-", Number(v.High))
	case model.ValueRatio:
		w.Field(5, "", Number(v.Number), ":", Number(v.High))
	case model.ValueText:
		w.Field(5, v.Text)
	case model.ValueCoded:
		w.code(5, v.Code, v.Coding)
	case model.ValueTime:
		w.Field(5, stamp(v.Timestamp()))
	case model.ValueBinary:
		kind, sub, _ := strings.Cut(v.Coding.Code, "/")
		w.Field(5, "", kind, sub, "Base64", v.Text)
	}
}

// Number is a decimal as NM has it: no exponent (HL7 v2.6 §2.A.47), with all
// its significant digits.
func Number(d model.Decimal) string {
	s := strconv.FormatInt(d.Coef, 10)
	sign := ""
	if d.Coef < 0 {
		sign, s = "-", s[1:]
	}
	switch {
	case d.Exp > 0 && d.Coef != 0:
		s += strings.Repeat("0", int(d.Exp))
	case d.Exp < 0:
		if pad := 1 - int(d.Exp) - len(s); pad > 0 {
			s = strings.Repeat("0", pad) + s
		}
		at := len(s) + int(d.Exp)
		s = s[:at] + "." + s[at:]
	}
	return sign + s
}

// waveform writes the samples as NA in physical units, and the sample rate
// under it as IHE PCD has it. A gap is an empty sample.
func (w *writer) waveform(f *model.Waveform) {
	w.begin("NA", f.Code, f.Received, f.SubID)
	samples := make([]string, len(f.Samples))
	for i, s := range f.Samples {
		if s != model.Gap {
			samples[i] = Number(sample(f, s))
		}
	}
	w.Field(5, samples...)
	w.unit(f.UnitUCUM, f.UnitSent)
	w.Field(7, limits(f))
	if f.Simulated {
		w.Field(8, "DEMO")
	}
	w.Field(11, statuses[f.Status])
	w.Field(14, stamp(f.DeviceTime))
	w.equipment(f.Device)
	if f.PeriodNS > 0 {
		w.begin("NM", model.Code{RefID: "MDC_ATTR_SAMP_RATE"}, model.Coding{}, f.SubID+".1")
		w.Field(5, rate(f.PeriodNS))
		w.Field(6, "/s", "", "UCUM")
		w.Field(11, statuses[f.Status])
	}
}

// sample is Origin + s × Scale, exact; what 18 digits cannot hold is rounded.
func sample(f *model.Waveform, s int32) model.Decimal {
	const most = 1_000 // times 2^31 samples, times 10^6 below: fits an int64
	d, o := model.Decimal{Coef: int64(s) * f.Scale.Coef, Exp: f.Scale.Exp}, f.Origin
	if o.Coef == 0 && abs(f.Scale.Coef) < 1<<31 {
		return d
	}
	low := min(d.Exp, o.Exp)
	if abs(f.Scale.Coef) >= most || abs(o.Coef) >= 1_000_000_000_000 || int(d.Exp)-int(low) > 6 || int(o.Exp)-int(low) > 6 {
		text := strconv.FormatFloat(o.Float64()+float64(s)*f.Scale.Float64(), 'g', 15, 64)
		d, _ = model.ParseDecimal(text)
		return d
	}
	for ; d.Exp > low; d.Exp-- {
		d.Coef *= 10
	}
	for ; o.Exp > low; o.Exp-- {
		o.Coef *= 10
	}
	d.Coef += o.Coef
	return d
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

func limits(f *model.Waveform) string {
	if f.Low == nil || f.High == nil {
		return ""
	}
	return Number(*f.Low) + "-" + Number(*f.High)
}

// rate is samples a second, with up to six decimals.
func rate(periodNS int64) string {
	s := strconv.FormatFloat(1e9/float64(periodNS), 'f', 6, 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}
