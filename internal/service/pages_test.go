package service_test

import (
	"fmt"
	"strconv"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// Lists come in pages that join without a gap and without a row twice.
func TestListsPage(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	h.Errands() // dead letters
	h.Until("letters are dead", func() bool {
		var list service.List[deliver.DeadLetter]
		h.Call("deadletter.list", service.DeadLetterAsk{}, &list)
		return len(list.Rows) == 3
	})
	for i := range 3 {
		h.Send("ORU^R01^ORU_R01", fmt.Sprintf("PID|1||MRN-%d^^^HOSP^MR\rOBR|1\rOBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||S%d^^S%d^EUI-64", i, i, i))
	}
	number := func(s string) uint64 {
		if s == "" {
			return 0
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, list := range []struct {
		name string
		page func(after string, limit int) (keys []string, next string)
	}{
		{"audit.list", func(after string, limit int) (keys []string, next string) {
			var l service.List[audit.Record]
			h.Call("audit.list", service.AuditAsk{After: number(after), Limit: limit, Action: "channel."}, &l)
			for _, r := range l.Rows {
				keys = append(keys, fmt.Sprint(r.Seq))
			}
			return keys, l.Next
		}},
		{"deadletter.list", func(after string, limit int) (keys []string, next string) {
			var l service.List[deliver.DeadLetter]
			h.Call("deadletter.list", service.DeadLetterAsk{After: number(after), Limit: limit}, &l)
			for _, r := range l.Rows {
				keys = append(keys, fmt.Sprint(r.ID))
			}
			return keys, l.Next
		}},
		{"device.list", func(after string, limit int) (keys []string, next string) {
			var l service.List[service.DeviceRow]
			h.Call("device.list", service.DeviceAsk{After: model.DeviceID(after), Limit: limit}, &l)
			for _, r := range l.Rows {
				keys = append(keys, string(r.ID))
			}
			return keys, l.Next
		}},
		{"message.search", func(after string, limit int) (keys []string, next string) {
			ask := service.MessageSearch{Limit: limit}
			if after != "" {
				if err := ask.After.UnmarshalText([]byte(after)); err != nil {
					t.Fatal(err)
				}
			}
			var l service.List[service.Summary]
			h.Call("message.search", ask, &l)
			for _, r := range l.Rows {
				keys = append(keys, fmt.Sprint(r.Ref))
			}
			return keys, l.Next
		}},
	} {
		whole, _ := list.page("", 0)
		var joined []string
		after, pages := "", 0
		for {
			keys, next := list.page(after, 2)
			joined = append(joined, keys...)
			if pages++; next == "" || pages > 100 {
				break
			}
			after = next
		}
		if fmt.Sprint(joined) != fmt.Sprint(whole) || list.name != "audit.list" && len(whole) < 3 || pages > len(whole)/2+2 {
			t.Errorf("%s: %v in %d pages, whole %v", list.name, joined, pages, whole)
		}
	}
}

// A governed thing changes only when its version is the one that was read.
func TestVersionsConflict(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	for _, c := range []struct {
		op      string
		request func(version int64) any
	}{
		{"channel.disable", func(v int64) any { return service.Remove{ID: "ward", Version: v} }},
		{"channel.enable", func(v int64) any { return service.Remove{ID: "ward", Version: v} }},
		{"destination.pause", func(v int64) any { return service.Remove{ID: "archive", Version: v} }},
		{"destination.resume", func(v int64) any { return service.Remove{ID: "archive", Version: v} }},
		{"route.put", func(v int64) any {
			return service.Put[model.Route]{Version: v, Value: model.Route{ID: "all", Types: []string{"ORU"}, Destinations: []model.DestinationID{"archive"}}}
		}},
		{"route.remove", func(v int64) any { return service.Remove{ID: "all", Version: v} }},
		{"destination.remove", func(v int64) any { return service.Remove{ID: "archive", Version: v} }},
		{"channel.remove", func(v int64) any { return service.Remove{ID: "ward", Version: v} }},
	} {
		noun := c.op[:len(c.op)-len(opsByName()[c.op].Verb())-1]
		version := version(t, h, noun, c.request(0))
		err := h.Door().Call(t.Context(), c.op, c.request(version+7), nil)
		expect(t, c.op+" with another version", err, "conflict", "register.version")
		if err := h.Door().Call(t.Context(), c.op, c.request(version), nil); err != nil {
			t.Errorf("%s: %v", c.op, err)
		}
	}
	h.Call("config.apply", service.ConfigText{Text: h.Ward()}, nil)
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	id := list.Rows[0].ID
	err := h.Door().Call(t.Context(), "device.adopt", service.DeviceAct{ID: id, Version: 99}, nil)
	expect(t, "device.adopt", err, "conflict", "register.version")
}

func version(t *testing.T, h *apptest.House, noun string, request any) int64 {
	t.Helper()
	id := service.ID{}
	switch r := request.(type) {
	case service.Remove:
		id.ID = r.ID
	case service.Put[model.Route]:
		id.ID = string(r.Value.ID)
	}
	switch noun {
	case "channel":
		return versionOf[model.Channel](h, noun, id)
	case "destination":
		return versionOf[model.Destination](h, noun, id)
	}
	return versionOf[model.Route](h, noun, id)
}
