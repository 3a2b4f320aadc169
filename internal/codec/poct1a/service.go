package poct1a

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// services reads OBS.R01 (patients' results) and OBS.R02 (those of controls).
func (d *decoder) services(root *Node) {
	for i, svc := range root.All("SVC") {
		m := d.base
		m.Devices = append([]model.Device(nil), d.base.Devices...)
		role := strings.ToUpper(svc.Value("SVC.role_cd"))
		// OBS is an observation of a patient; LQC, EQC, CVR, PRF … are not.
		control := role != "" && role != "OBS" || svc.Kid("CTC") != nil || role == "" && strings.HasSuffix(root.Name, ".R02")
		s := service{m: &m, at: timeOf(svc.Value("SVC.observation_dttm")), place: "SVC[" + strconv.Itoa(i+1) + "]"}
		if control {
			m.Type += ControlSuffix
			m.Test = true
			if role != "" {
				m.Notes = append(append([]string(nil), m.Notes...), "role "+clip(role))
			}
		}
		s.order(svc)
		for _, holder := range []string{"PT", "CTC"} {
			for _, n := range svc.All(holder) {
				if holder == "PT" && !control {
					s.patient(n)
				}
				s.observations(n)
			}
		}
		s.observations(svc)
		for _, n := range svc.All("NTE") {
			if t := n.Value("NTE.text"); t != "" {
				m.Notes = append(append([]string(nil), m.Notes...), t)
			}
		}
		if len(m.Observations) == 0 {
			m.Issues = append(m.Issues, model.Issue{Code: "poct1a.no-observation", Severity: model.Warning, Field: s.place, Text: "a service holds no observation", Hint: "nothing to do if the device had none"})
		}
		d.out = append(d.out, m)
	}
}

type service struct {
	m     *model.Message
	at    model.Timestamp
	place string
}

// patient reads PT.
func (s *service) patient(pt *Node) {
	p := model.Patient{}
	if id := pt.Value("PT.patient_id"); id != "" {
		p.Identifiers = []model.Identifier{{Value: id, Type: "PI"}}
	}
	s.name(pt.Kid("PT.name"), &p)
	if b := pt.Value("PT.birth_date"); len(b) >= 10 && b[4] == '-' && b[7] == '-' {
		p.BirthDate = b[:10]
	}
	switch strings.ToUpper(pt.Value("PT.gender_cd")) {
	case "M":
		p.Sex = "male"
	case "F":
		p.Sex = "female"
	case "UN", "O":
		p.Sex = "other"
	case "U":
		p.Sex = "unknown"
	}
	if len(p.Identifiers) > 0 || p.Family != "" || len(p.Given) > 0 || p.BirthDate != "" {
		s.m.Patient = &p
	}
	if where := pt.Value("PT.location"); where != "" {
		facility, ward, both := strings.Cut(where, "^")
		if !both {
			facility, ward = "", where
		}
		s.m.Visit = &model.Visit{Place: model.Place{Facility: facility, PointOfCare: strings.TrimSpace(strings.ReplaceAll(ward, "^", " "))}}
	}
}

// name reads a person's name: FAM and GIV below it, else the whole.
func (s *service) name(n *Node, p *model.Patient) {
	if n == nil {
		return
	}
	p.Family = n.Value("FAM")
	for _, g := range append(n.All("GIV"), n.All("MID")...) {
		if g.V != "" {
			p.Given = append(p.Given, g.V)
		}
	}
	if p.Family == "" && len(p.Given) == 0 {
		if family, given, ok := strings.Cut(n.V, "^"); ok {
			p.Family = family
			p.Given = strings.Fields(strings.ReplaceAll(given, "^", " "))
		} else {
			p.Family = n.V
		}
	}
}

// order reads ORD and SPC: what was asked for, and of what.
func (s *service) order(svc *Node) {
	ord, spc := svc.Kid("ORD"), svc.Kid("SPC")
	if pt := svc.Kid("PT"); ord == nil {
		ord = pt.Kid("ORD")
	}
	if ord == nil && spc == nil {
		return
	}
	o := model.Order{Field: s.place, Start: s.at, Placer: model.Identifier{Value: ord.Value("ORD.order_id")}}
	if asked := ord.Kid("ORD.universal_service_id"); asked != nil {
		o.Code = codingOf(asked)
	}
	if id := spc.Value("SPC.specimen_id"); id != "" {
		o.Filler.Value = id
	}
	if at := spc.Value("SPC.specimen_dttm"); at != "" {
		o.Start = timeOf(at)
	}
	s.m.Orders = []model.Order{o}
}

func codingOf(n *Node) model.Coding { return model.Coding{Code: n.V, Text: n.DN, System: n.SN} }

// observations reads the OBS below a node.
func (s *service) observations(holder *Node) {
	for _, obs := range holder.All("OBS") {
		n := len(s.m.Observations) + 1
		o := model.Observation{Field: s.place + ".OBS[" + strconv.Itoa(n) + "]", Device: len(s.m.Devices) - 1, DeviceTime: s.at, Status: statusOf(obs.Value("OBS.status_cd"))}
		if id := obs.Kid("OBS.observation_id"); id != nil {
			o.Received = codingOf(id)
		}
		if o.Received == (model.Coding{}) {
			s.m.Issues = append(s.m.Issues, model.Issue{Code: "decode.no-code", Severity: model.Error, Field: o.Field, Text: "the observation does not say what was observed; its value was kept", Hint: "the device must fill OBS.observation_id"})
		}
		s.value(obs, &o)
		if method := obs.Kid("OBS.method_cd"); method != nil {
			o.Method = codingOf(method)
		}
		for _, f := range obs.All("OBS.interpretation_cd") {
			if f.V != "" {
				o.Flags = append(o.Flags, f.V)
			}
		}
		if limits := obs.Kid("OBS.normal_lo-hi_limit"); limits != nil {
			o.RangeText = strings.NewReplacer("[", "", "]", "", ";", "-").Replace(limits.V)
		}
		for _, note := range obs.All("NTE") {
			if t := note.Value("NTE.text"); t != "" {
				o.Notes = append(o.Notes, t)
			}
		}
		s.m.Observations = append(s.m.Observations, o)
	}
}

// statusOf by OBS.status_cd: accepted, discarded and rejected by the operator.
func statusOf(code string) model.Status {
	switch strings.ToUpper(code) {
	case "A", "":
		return model.StatusFinal
	case "D", "R":
		return model.StatusCancelled
	}
	return model.StatusUnknown
}

// value reads OBS.value or OBS.qualitative_value. What the operator discarded
// is kept aside, where nobody takes it for a value.
func (s *service) value(obs *Node, o *model.Observation) {
	if v := obs.Kid("OBS.value"); v != nil && v.V != "" {
		o.UnitSent.Code = v.U
		o.Value = scalar(v.V)
	} else if q := obs.Kid("OBS.qualitative_value"); q != nil && q.V != "" {
		o.Value = model.Value{Kind: model.ValueText, Text: q.V}
	} else {
		o.Absent = "unknown"
	}
	if o.Status == model.StatusCancelled {
		o.PutAside("error")
	}
}

// scalar reads a number, with a comparator or as a range "[80;120]", else text.
func scalar(t string) model.Value {
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
	if inner, ok := strings.CutPrefix(t, "["); ok {
		low, high, _ := strings.Cut(strings.TrimSuffix(inner, "]"), ";")
		a, err1 := model.ParseDecimal(low)
		b, err2 := model.ParseDecimal(high)
		if err1 == nil && err2 == nil {
			return model.Value{Kind: model.ValueRange, Number: a, High: b}
		}
	}
	return model.Value{Kind: model.ValueText, Text: t}
}
