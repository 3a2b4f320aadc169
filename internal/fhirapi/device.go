package fhirapi

import (
	"context"
	"strings"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

func deviceKind() kind {
	return kind{
		name: "Device", history: true,
		doc: "The devices of the register, and what belongs to them (accessories, which have a parent).",
		filters: append(common(true),
			filter{name: "identifier", sort: "token", doc: "a number or name that identifies it: serial, asset, MAC, EUI-64, UDI, host name; system|value or value"},
			filter{name: "udi-di", sort: "string", doc: "device identifier of its UDI", modifiers: []string{"exact", "contains"}},
			filter{name: "udi-carrier", sort: "string", doc: "its whole UDI, as a person reads it", modifiers: []string{"exact"}},
			filter{name: "manufacturer", sort: "string", doc: "who made it", modifiers: []string{"exact", "contains"}},
			filter{name: "model", sort: "string", doc: "what its maker calls the model", modifiers: []string{"exact", "contains"}},
			filter{name: "device-name", sort: "string", doc: "its name in the house, or its model's", modifiers: []string{"exact", "contains"}},
			filter{name: "type", sort: "token", doc: "MDC number, RefID or LOINC code of its kind"},
			filter{name: "status", sort: "token", doc: "active, inactive, unknown", modifiers: []string{"not"}},
			filter{name: "location", sort: "reference", doc: "where it stands; :below also takes what is in there", modifiers: []string{"below"}},
			filter{name: "patient", sort: "reference", doc: "the patient it is on now; needs the permission association.get and is audited. :identifier takes a number and goes with POST only", modifiers: []string{"identifier"}},
			filter{name: "definition", sort: "reference", doc: "its model", own: true},
			filter{name: "owner", sort: "string", doc: "whose it is", modifiers: []string{"exact", "contains"}, own: true},
			filter{name: "parent", sort: "reference", doc: "accessories of this device", own: true},
		),
		includes: []string{"Device:definition", "Device:location", "Device:parent"}, revincludes: []string{"DeviceMetric:source", "Device:parent"},
		sorts: []string{"_id", "-_lastUpdated"},
		read:  readDevices, search: searchDevices, versions: deviceVersions,
	}
}

func readDevices(ctx context.Context, c *caller, ids []string) ([]*resource, error) {
	own, others := []model.DeviceID{}, []string(nil)
	for _, id := range ids {
		if strings.HasPrefix(id, accessoryPrefix) {
			others = append(others, id)
		} else {
			own = append(own, model.DeviceID(id))
		}
	}
	var out []*resource
	if len(own) > 0 {
		var found service.DevicesFound
		if err := c.Call(ctx, "device.search", service.DeviceSearch{IDs: own, Limit: mostCount}, &found); err != nil {
			return nil, err
		}
		rows, err := devicesOf(ctx, c, found.Rows)
		if err != nil {
			return nil, err
		}
		out = rows
	}
	for _, id := range others {
		one, err := accessory(ctx, c, id)
		if err != nil {
			return nil, err
		}
		if one != nil {
			out = append(out, one)
		}
	}
	return out, nil
}

func searchDevices(ctx context.Context, c *caller, q *request) (page, error) {
	if p := q.only("parent"); p != nil {
		return searchAccessories(ctx, c, q, p)
	}
	ask, keep, err := deviceSearch(ctx, c, q)
	if err != nil {
		return page{}, err
	}
	if ask.IDs != nil {
		for _, p := range q.params {
			if p.name != "_id" {
				continue
			}
			for _, v := range p.values {
				if strings.HasPrefix(v, accessoryPrefix) && len(q.params) == 1 {
					rows, err := readDevices(ctx, c, p.values)
					return page{rows: rows, total: len(rows)}, err
				}
			}
		}
	}
	out := page{total: -1}
	if q.summary == "count" || q.total {
		count := ask
		count.Count = true
		var found service.DevicesFound
		if err := c.Call(ctx, "device.search", count, &found); err != nil {
			return page{}, err
		}
		out.total = *found.Total
		if q.summary == "count" && keep == nil {
			return out, nil
		}
	}
	var found service.DevicesFound
	if err := c.Call(ctx, "device.search", ask, &found); err != nil {
		return page{}, err
	}
	rows := found.Rows
	if keep != nil { // numbers are few: no page comes short
		kept := rows[:0]
		for i := range rows {
			if keep(&rows[i]) {
				kept = append(kept, rows[i])
			}
		}
		rows = kept
		if out.total >= 0 {
			out.total = len(rows)
		}
	}
	if q.summary == "count" {
		return out, nil
	}
	out.next = found.Next
	out.rows, err = devicesOf(ctx, c, rows)
	return out, err
}

// only gives the one filter of a name when it is the only filter.
func (q *request) only(name string) *param {
	if len(q.params) == 1 && q.params[0].name == name {
		return &q.params[0]
	}
	return nil
}

// deviceSearch is a query as the register takes it, and what must be looked at
// in each row besides; nil for nothing.
func deviceSearch(ctx context.Context, c *caller, q *request) (service.DeviceSearch, func(*service.DeviceSheet) bool, error) {
	ask := service.DeviceSearch{Limit: max(q.count, 1), After: q.cursor, Changed: q.sort == "-_lastUpdated"}
	var keep []func(*service.DeviceSheet) bool
	narrow := func(ids []model.DeviceID) {
		if ask.IDs == nil {
			ask.IDs = append([]model.DeviceID{}, ids...)
			return
		}
		both := []model.DeviceID{}
		for _, a := range ask.IDs {
			for _, b := range ids {
				if a == b {
					both = append(both, a)
				}
			}
		}
		ask.IDs = both
	}
	for i := range q.params {
		p := &q.params[i]
		switch p.name {
		case "_id":
			ids := make([]model.DeviceID, len(p.values))
			for j, v := range p.values {
				ids[j] = model.DeviceID(v)
			}
			narrow(ids)
		case "_lastUpdated":
			ask.Changed = true
			if err := bounds(p, &ask.Since, &ask.Until); err != nil {
				return ask, nil, err
			}
		case "identifier":
			tokens, numbers, err := tokensOf(p)
			if err != nil {
				return ask, nil, err
			}
			if ask.Numbers == nil {
				ask.Numbers = numbers
			}
			keep = append(keep, func(d *service.DeviceSheet) bool { return identified(d, tokens) })
		case "udi-carrier":
			if ask.Numbers == nil {
				ask.Numbers = p.values
			}
			wanted := p.values
			keep = append(keep, func(d *service.DeviceSheet) bool { return contains(wanted, d.Facts["udi"]) })
		case "patient":
			ids, who, err := onPatient(ctx, c, p)
			if err != nil {
				return ask, nil, err
			}
			narrow(ids)
			if p.modifier == "identifier" && len(who) > 0 {
				// The next page is asked for by address: of the same patient, by our
				// own id, because without a filter it would hold others' devices.
				q.used.Del(p.place())
				q.used.Add(p.name, strings.Join(who, ","))
			}
		case "parent":
			return ask, nil, fault.New(fault.Invalid, "fhirapi.value", "ask for the accessories of a device with parent alone").At("parent")
		default:
			w, err := wish(p)
			if err != nil {
				return ask, nil, err
			}
			ask.Wishes = append(ask.Wishes, w)
		}
	}
	if len(keep) == 0 {
		return ask, nil, nil
	}
	return ask, func(d *service.DeviceSheet) bool {
		for _, k := range keep {
			if !k(d) {
				return false
			}
		}
		return true
	}, nil
}

func tokensOf(p *param) (tokens []token, codes []string, err error) {
	for _, v := range p.values {
		t := tokenOf(v)
		if t.code == "" {
			return nil, nil, fault.New(fault.Invalid, "fhirapi.value", "say the value too, as system|value or value").At(p.place())
		}
		tokens, codes = append(tokens, t), append(codes, t.code)
	}
	return tokens, codes, nil
}

// fields says by which of the register's fields a parameter looks.
var fields = map[string]service.Wish{
	"udi-di":       {Field: "udi-di"},
	"manufacturer": {Field: "manufacturer"},
	"model":        {Field: "model"},
	"device-name":  {Field: "name", Or: "model"},
	"owner":        {Field: "owner"},
	"type":         {Field: "type"},
	"status":       {Field: "status"},
	"location":     {Field: "location"},
	"definition":   {Field: "model id"},
}

func wish(p *param) (service.Wish, error) {
	w := fields[p.name]
	w.Match, w.Values = "whole", p.values
	var err error
	switch p.name {
	case "type", "status":
		w.Values = nil
		for _, v := range p.values {
			t := tokenOf(v)
			if !t.bare && !codeSystems[p.name+" "+t.system] {
				t.code = "\x00" // no device has a code of that system
			}
			w.Values = append(w.Values, t.code)
		}
		if p.modifier == "not" {
			w.Match = "not"
		}
	case "location":
		w.Values, err = idsOf(p, "Location")
		if p.modifier == "below" {
			w.Match = "within"
		}
	case "definition":
		w.Values, err = idsOf(p, "DeviceDefinition")
	default:
		switch p.modifier {
		case "":
			w.Match = "begins"
		case "contains":
			w.Match = "contains"
		}
	}
	return w, err
}

// codeSystems are the systems that codes looked for may have.
var codeSystems = map[string]bool{
	"type " + systemMDC: true, "type " + systemLOINC: true, "type " + systemRefID: true, "type ": true,
	"status http://hl7.org/fhir/device-status": true, "status ": true,
}

// identified says whether a device has one of some identifiers.
func identified(d *service.DeviceSheet, tokens []token) bool {
	for _, have := range identifiersOf(d) {
		for _, t := range tokens {
			if strings.EqualFold(have.Value, t.code) && (t.bare || t.system == have.System) {
				return true
			}
		}
	}
	return false
}

// onPatient gives the devices a patient is on now, and who that is.
func onPatient(ctx context.Context, c *caller, p *param) (ids []model.DeviceID, who []string, err error) {
	ids = []model.DeviceID{}
	for _, v := range p.values {
		ask := service.BearerAsk{}
		if p.modifier == "identifier" {
			t := tokenOf(v)
			if ask.Number = t.code; t.system != "" {
				ask.Number += "^^^" + strings.TrimPrefix(t.system, "urn:id:")
			}
		} else {
			id, err := idOf(v, "Patient", p.place())
			if err != nil {
				return nil, nil, err
			}
			ask.Patient = model.PatientID(id)
		}
		var found []service.Bearer
		if err := c.Call(ctx, "association.get", ask, &found); err != nil {
			if fault.KindOf(err) == fault.Absent {
				continue // nobody of that number: no device
			}
			return nil, nil, err
		}
		for _, b := range found {
			ids = append(ids, b.Device)
			if id := "Patient/" + string(b.Patient); !contains(who, id) {
				who = append(who, id)
			}
		}
	}
	return ids, who, nil
}

// devicesOf makes resources of devices. Who is on them is asked for only where
// it is wanted and may be seen: every look is audited.
func devicesOf(ctx context.Context, c *caller, rows []service.DeviceSheet) ([]*resource, error) {
	bearers := map[model.DeviceID]*service.Bearer{}
	if (c.wants == nil || c.wants("patient")) && c.may("association.get") {
		var heard []model.DeviceID
		for i := range rows {
			if rows[i].Heard {
				heard = append(heard, rows[i].ID)
			}
		}
		var found []service.Bearer
		if len(heard) > 0 {
			if err := c.Call(ctx, "association.get", service.BearerAsk{Devices: heard}, &found); err != nil {
				return nil, err
			}
		}
		for i := range found {
			bearers[found[i].Device] = &found[i]
		}
	}
	out := make([]*resource, len(rows))
	for i := range rows {
		d := &rows[i]
		out[i] = device(d)
		if b := bearers[d.ID]; b != nil {
			who := identifier(fhir.SystemURI(b.Number.System), b.Number.Value, b.Number.Type)
			if who == nil {
				who = identifier(systemPatient, string(b.Patient), "")
			}
			out[i].node.put("patient", object().text("type", "Patient").put("identifier", who))
		}
	}
	return out, nil
}

func deviceVersions(ctx context.Context, c *caller, id string, most int) ([]*resource, error) {
	var found []service.DeviceVersion
	if err := c.Call(ctx, "device.history", service.DeviceVersionAsk{ID: model.DeviceID(id), Limit: max(most, 1)}, &found); err != nil {
		return nil, err
	}
	out := make([]*resource, len(found))
	for i := range found {
		out[i] = device(&found[i].DeviceSheet)
	}
	return out, nil
}
