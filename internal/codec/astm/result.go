package astm

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// readOrder reads O (LIS02-A2 §8).
func (d *decoder) readOrder(r Record) {
	control := d.mode == "Q" || strings.ToUpper(r.Field(12).Text()) == "Q" || reported(r.Field(26), "Q") || isControl(r.Field(16).Component(1).Text())
	kind := TypeOrder
	if control {
		kind = TypeControl
	}
	if d.m == nil || d.m.Type == TypeQuery || control != (d.m.Type == TypeControl) {
		if d.m != nil && d.m.Type == TypeOther && len(d.m.Notes) == 0 && len(d.m.Issues) == 0 && control {
			d.out, d.froms = d.out[:len(d.out)-1], d.froms[:len(d.froms)-1] // begun for a patient, and nothing said of one
		}
		d.begin(kind)
	}
	d.control = control
	m := d.message(kind)
	o := model.Order{Field: d.place(r), Placer: model.Identifier{Value: joined(r.Field(3))}, Filler: model.Identifier{Value: joined(r.Field(4))},
		Start: d.time(r.Field(8)), Status: orderStatus(r.Field(26))}
	if o.Start.Original == "" {
		o.Start = d.time(r.Field(7))
	}
	if tests := r.Field(5).Reps(); len(tests) == 1 || tests[0].Raw != "" {
		o.Code, _ = coding(tests[0])
		for _, more := range tests[1:] { // one order for several tests
			if c, _ := coding(more); c != (model.Coding{}) && len(o.Code.Text) < maxText {
				o.Code.Text = strings.TrimSpace(o.Code.Text + " " + c.Code)
			}
		}
	}
	m.Orders = append(m.Orders, o)
	d.notes = &m.Orders[len(m.Orders)-1].Notes
}

// maxText bounds a text that is made of many parts.
const maxText = 2000

func reported(e Element, what string) bool {
	for _, rep := range e.Reps() {
		if strings.EqualFold(rep.Component(1).Text(), what) {
			return true
		}
	}
	return false
}

// isControl recognises the specimen descriptors of controls (O-16).
func isControl(descriptor string) bool {
	switch strings.ToUpper(descriptor) {
	case "CTRL", "CONTROL", "QC":
		return true
	}
	return false
}

// orderStatus reads O-26, the report types (§8.4.26).
func orderStatus(e Element) model.Status {
	switch strings.ToUpper(e.Component(1).Text()) {
	case "F":
		return model.StatusFinal
	case "C":
		return model.StatusCorrected
	case "P":
		return model.StatusPreliminary
	case "X", "Y", "Z":
		return model.StatusCancelled
	case "I", "O":
		return model.StatusRegistered
	}
	return ""
}

// coding reads a universal test id (§5.6.1): identifier, name and type of a
// public scheme, then the maker's own code in as many components as it likes.
// Without a public identifier the code is all that was said, without what is
// empty around it, so that results that differ have codes that differ.
func coding(rep Element) (received, alternate model.Coding) {
	all := rep.Components()
	if all[0].Text() != "" {
		received = model.Coding{Code: all[0].Text()}
		if len(all) > 1 {
			received.Text = all[1].Text()
		}
		if len(all) > 2 {
			received.System = system(all[2].Text())
		}
		if len(all) > 3 {
			alternate.Code = strings.Trim(join(all[3:]), "^")
		}
		return received, alternate
	}
	return model.Coding{Code: strings.Trim(join(all), "^")}, alternate
}

func system(kind string) string {
	switch strings.ToUpper(kind) {
	case "LN", "LOINC":
		return "LN"
	}
	return kind
}

func join(all []Element) string {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.Text()
	}
	return strings.Join(texts, "^")
}

// maxValues bounds the repetitions of a value.
const maxValues = 1000

// readResult reads R (§9).
func (d *decoder) readResult(r Record) {
	if d.m == nil || d.m.Type == TypeQuery {
		kind := TypeResult
		if d.control || d.mode == "Q" {
			kind = TypeControl
		}
		d.begin(kind)
	}
	m := d.message(TypeResult)
	o := model.Observation{Field: d.place(r), RangeText: joined(r.Field(6)), Status: resultStatus(r.Field(9)), Order: max(len(m.Orders)-1, 0), Device: len(m.Devices) - 1}
	o.Received, o.Alternate = coding(r.Field(3).Reps()[0])
	o.UnitSent.Code = joined(r.Field(5))
	for _, n := range [...]int{13, 12} { // completed, else started
		if o.DeviceTime = d.time(r.Field(n)); o.DeviceTime.Original != "" {
			break
		}
	}
	if o.DeviceTime.Original == "" && len(m.Orders) > 0 {
		o.DeviceTime = m.Orders[len(m.Orders)-1].Start
	}
	if o.DeviceTime.Original == "" {
		o.DeviceTime = m.DeviceTime
	}
	for _, flag := range r.Field(7).Reps() {
		if t := parts(flag); t != "" {
			o.Flags = append(o.Flags, t)
		}
	}
	if o.Received == (model.Coding{}) {
		d.issue(r, 3, model.Issue{Code: "decode.no-code", Severity: model.Error, Text: "the result does not say what was measured; its value was kept", Hint: "the sender must fill R-3"})
	}
	values := r.Field(4).Reps()
	for i, v := range values {
		if i == maxValues {
			d.issue(r, 4, model.Issue{Code: "decode.too-many-values", Severity: model.Error, Text: "the field repeats more often than any instrument does; the rest was not read", Hint: "the sender should send an R for each value"})
			break
		}
		if i > 0 && v.Raw == "" {
			continue
		}
		one := o
		if i > 0 {
			one.Field = o.Field + "-4[" + strconv.Itoa(i+1) + "]"
		}
		d.value(r, v, &one)
		m.Observations = append(m.Observations, one)
	}
	d.notes = &m.Observations[len(m.Observations)-1].Notes
}

// resultStatus by §9.4.9.
func resultStatus(e Element) model.Status {
	switch strings.ToUpper(e.Component(1).Text()) {
	case "F", "V", "R", "Q":
		return model.StatusFinal
	case "C":
		return model.StatusCorrected
	case "P", "S", "W", "M":
		return model.StatusPreliminary
	case "I":
		return model.StatusRegistered
	case "X":
		return model.StatusCancelled
	}
	return model.StatusUnknown
}

// value reads one repetition of R-4. ASTM has no types of values: what is a
// number by its form is one.
func (d *decoder) value(r Record, e Element, o *model.Observation) {
	var only string
	filled := 0
	for _, c := range e.Components() {
		if t := c.Text(); t != "" {
			only, filled = t, filled+1
		}
	}
	switch filled {
	case 0:
		if o.Status == model.StatusCancelled {
			o.Absent = "not-performed"
		} else {
			o.Absent = "unknown"
		}
	case 1:
		o.Value = d.scalar(r, only)
		if o.Value.Kind == model.ValueNone {
			o.Absent = "unknown"
		}
	default:
		o.Value = model.Value{Kind: model.ValueText, Text: parts(e)}
	}
}

func (d *decoder) scalar(r Record, t string) model.Value {
	comparator, rest := "", t
	for _, c := range [...]string{"<=", ">=", "<", ">"} {
		if after, ok := strings.CutPrefix(t, c); ok {
			comparator, rest = c, strings.TrimSpace(after)
			break
		}
	}
	if n, err := model.ParseDecimal(rest); err == nil {
		return model.Value{Kind: model.ValueNumber, Number: n, Comparator: comparator}
	}
	if strings.Count(rest, ",") == 1 && !strings.Contains(rest, ".") && len(rest)-strings.IndexByte(rest, ',') != 4 {
		if n, err := model.ParseDecimal(strings.Replace(rest, ",", ".", 1)); err == nil {
			d.issue(r, 4, model.Issue{Code: "decode.decimal-comma", Severity: model.Warning, Text: "the number has a comma; it was read as a decimal point", Hint: "the sender should write a point"})
			return model.Value{Kind: model.ValueNumber, Number: n, Comparator: comparator}
		}
	}
	if strings.Trim(t, "-*?._#/ ") == "" { // how instruments write that there is nothing
		return model.Value{}
	}
	return model.Value{Kind: model.ValueText, Text: t}
}

// readComment reads C (§10): it belongs to the record before it.
func (d *decoder) readComment(r Record) {
	text := joined(r.Field(4))
	if text == "" || d.notes == nil {
		return
	}
	*d.notes = append(*d.notes, text)
}

// readQuery reads Q (§11).
func (d *decoder) readQuery(r Record) {
	if d.m == nil || d.m.Type != TypeQuery {
		d.begin(TypeQuery)
		d.m.Patient, d.m.Visit = nil, nil
	}
	asked, _ := coding(r.Field(5).Reps()[0])
	d.m.Orders = append(d.m.Orders, model.Order{Field: d.place(r), Placer: model.Identifier{Value: joined(r.Field(3))}, Code: asked, Status: model.StatusUnknown})
	d.notes = &d.m.Orders[len(d.m.Orders)-1].Notes
}

// longestOwn bounds what a note shows of a maker's own record: some hold curves.
const longestOwn = 500

// makers takes M and S records. Makers put into them what they like,
// much as into comments: they stand, as they were sent, among the notes of the
// record before, and an issue says that nobody interpreted them.
func (d *decoder) makers(r Record) {
	what := clip(r.Field(3).Text(), 40)
	d.issue(r, 1, model.Issue{Code: "astm.makers-record", Severity: model.Warning, Received: what,
		Text: "a record of the maker's own (M or S) stands among the notes and was not interpreted", Hint: "nothing to do unless what it holds is wanted as values; then the instrument's interface description is needed"})
	if d.notes == nil {
		return
	}
	note := clip(r.Raw, longestOwn)
	if len(r.Raw) > longestOwn {
		note += "… (the whole " + strconv.Itoa(len(r.Raw)) + " bytes are in the entry)"
	}
	*d.notes = append(*d.notes, note)
}
