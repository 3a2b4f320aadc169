package fhirapi

import (
	"context"
	"strconv"
	"strings"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// accessoryPrefix begins the ids of what belongs to devices.
const accessoryPrefix = "acc-"

// accessory gives one by its id; nil when there is none.
func accessory(ctx context.Context, c *caller, id string) (*resource, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, accessoryPrefix), 10, 64)
	if err != nil || n <= 0 || id != accessoryPrefix+strconv.FormatInt(n, 10) {
		return nil, nil
	}
	var found []service.Accessory
	if err := c.Call(ctx, "accessory.list", service.AccessoryAsk{After: n - 1, Limit: 1}, &found); err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].ID != n {
		return nil, nil
	}
	return accessoryDevice(&found[0]), nil
}

// accessoriesOf gives the first hundred that belong to a device.
func accessoriesOf(ctx context.Context, c *caller, device string) ([]*resource, error) {
	var found []service.Accessory
	if err := c.Call(ctx, "accessory.list", service.AccessoryAsk{Device: model.DeviceID(device), Limit: 100}, &found); err != nil {
		return nil, err
	}
	out := make([]*resource, len(found))
	for i := range found {
		out[i] = accessoryDevice(&found[i])
	}
	return out, nil
}

func searchAccessories(ctx context.Context, c *caller, q *request, p *param) (page, error) {
	ids, err := idsOf(p, "Device")
	if err != nil {
		return page{}, err
	}
	if len(ids) != 1 {
		return page{}, fault.New(fault.Invalid, "fhirapi.value", "ask for the accessories of one device at a time").At("parent")
	}
	ask := service.AccessoryAsk{Device: model.DeviceID(ids[0]), Limit: min(max(q.count, 1), 1000)}
	if q.cursor != "" {
		if ask.After, err = strconv.ParseInt(q.cursor, 10, 64); err != nil {
			return page{}, fault.New(fault.Invalid, "fhirapi.value", "no page begins there; follow the links of the page before").At("_cursor")
		}
	}
	var found []service.Accessory
	if err := c.Call(ctx, "accessory.list", ask, &found); err != nil {
		if fault.KindOf(err) == fault.Absent {
			return page{total: 0}, nil // nothing belongs to a device there is not
		}
		return page{}, err
	}
	out := page{total: -1}
	for i := range found {
		out.rows = append(out.rows, accessoryDevice(&found[i]))
	}
	if len(found) == ask.Limit {
		out.next = strconv.FormatInt(found[len(found)-1].ID, 10)
	} else if q.cursor == "" {
		out.total = len(found)
	}
	if q.summary == "count" && out.total < 0 {
		return out, fault.New(fault.Invalid, "fhirapi.value", "more than %d accessories are not counted", ask.Limit).At("_summary")
	}
	return out, nil
}

// accessoryDevice is something that belongs to a device, as a Device with a
// parent.
func accessoryDevice(a *service.Accessory) *resource {
	r := &resource{kind: "Device", id: accessoryPrefix + strconv.FormatInt(a.ID, 10), updated: a.Added.At}
	n := resourceOf(r.kind, r.id)
	n.list("identifier", identifier(systemAccessory, strconv.FormatInt(a.ID, 10), ""))
	n.text("status", "active")
	n.text("expirationDate", string(a.ReplaceBy)).text("lotNumber", a.Lot).text("serialNumber", a.Serial)
	n.list("deviceName", name(a.Name, "user-friendly-name"))
	n.text("partNumber", a.Number)
	var more []*node
	if a.Count > 1 {
		count := object()
		count.Set("value", fhir.NumberOf(strconv.Itoa(a.Count)))
		more = append(more, object().put("type", concept("Count", coding(systemFact, "count", "Count"))).list("valueQuantity", count))
	}
	if a.Consumable {
		more = append(more, property("consumable", "Consumable", "yes"))
	}
	n.list("property", more...)
	if note := fhir.Clean(a.Note); note != "" {
		n.list("note", object().text("text", note))
	}
	to := "Device/" + string(a.Device)
	r.refer("parent", to)
	n.put("parent", reference(to, ""))
	r.node = n
	return r
}
