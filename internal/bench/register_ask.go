package bench

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	regs "thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
	"thalamus/internal/service"
)

// registerAsk is something the console asks of the register.
type registerAsk struct {
	name    string
	page    bool // the first page of a list, or what a work place begins with
	empty   bool // there may be nothing
	request func(i int) (op string, request any)
}

// ask asks everything, each as often as any bench does.
func (g *registering) ask(ctx context.Context) error {
	var first service.List[service.DeviceRow]
	if err := g.s.Client.Call(ctx, "device.list", service.DeviceAsk{Limit: 1000}, &first); err != nil {
		return err
	}
	if len(first.Rows) == 0 {
		return fault.New(fault.Broken, "bench.record", "the register lists no devices")
	}
	all := g.questions(first.Rows)
	worst := 0.0
	for i, one := range all {
		g.o.Progress("asked", float64(i), float64(len(all)))
		st, err := g.measure(ctx, one)
		if err != nil {
			return err
		}
		g.r.Stretches = append(g.r.Stretches, st)
		if one.page {
			g.r.below(one.name+", p99", st.Latency.P99, pageBelow, "ms")
			worst = max(worst, st.Latency.P99)
		}
	}
	return nil
}

// lengthOf is what an answer is counted by.
type lengthOf struct{ n int64 }

func (l *lengthOf) Write(p []byte) (int, error) { l.n += int64(len(p)); return len(p), nil }

func (g *registering) measure(ctx context.Context, one registerAsk) (Stretch, error) {
	var all []time.Duration
	w := watching(g.s)
	began := time.Now()
	for i := range asks {
		op, request := one.request(i)
		from := time.Now()
		var answer lengthOf
		if _, err := g.s.Client.Copy(ctx, op, request, &answer); err != nil {
			return Stretch{}, fault.Wrap(err, fault.Broken, "bench.record", "%s could not be asked", one.name)
		}
		all = append(all, time.Since(from))
		if answer.n < 40 && !one.empty {
			return Stretch{}, fault.New(fault.Broken, "bench.record", "%s: nothing was found, though it is there", one.name)
		}
	}
	st := w.stretch(one.name, "calls", asks, time.Since(began), 0)
	st.Latency = latencyOf(all)
	return st, nil
}

func (g *registering) questions(known []service.DeviceRow) []registerAsk {
	h := g.h
	nth := func(i int) int { return (h.devices - 1) * i / asks }
	device := func(i int) model.DeviceID { return known[i%len(known)].ID }
	modelID := func(i int) string { return regs.ModelID(h.maker(i%houseModels), h.model(i%houseModels)) }
	same := func(op string, request any) func(int) (string, any) {
		return func(int) (string, any) { return op, request }
	}
	devices := func(ask func(i int) service.DeviceAsk) func(int) (string, any) {
		return func(i int) (string, any) { return "device.list", ask(i) }
	}
	return []registerAsk{
		{"devices", true, false, devices(func(int) service.DeviceAsk { return service.DeviceAsk{} })},
		{"devices, deep page", true, true, devices(func(i int) service.DeviceAsk {
			return service.DeviceAsk{After: model.DeviceID("dev-" + string(rune('a'+i%26)))}
		})},
		{"devices by number", true, false, devices(func(i int) service.DeviceAsk { return service.DeviceAsk{Text: h.asset(nth(i))} })},
		{"devices by a text of none", true, true, devices(func(int) service.DeviceAsk { return service.DeviceAsk{Text: "no such device"} })},
		{"devices by model", true, false, devices(func(i int) service.DeviceAsk { return service.DeviceAsk{Model: modelID(i)} })},
		{"devices by owner", true, false, devices(func(i int) service.DeviceAsk { return service.DeviceAsk{Facts: []string{"owner=" + h.owner(i)}} })},
		{"devices without owner", true, true, devices(func(int) service.DeviceAsk { return service.DeviceAsk{Facts: []string{"owner="}} })},
		{"devices that are due", true, true, devices(func(int) service.DeviceAsk { return service.DeviceAsk{State: state.Due} })},
		{"devices with a patient", true, true, devices(func(int) service.DeviceAsk { return service.DeviceAsk{State: state.InUse} })},
		{"devices that moved", true, true, devices(func(int) service.DeviceAsk { return service.DeviceAsk{State: state.Moved} })},
		{"one device", true, false, func(i int) (string, any) { return "device.get", service.ID{ID: string(device(i))} }},
		{"facts of a device", true, false, func(i int) (string, any) {
			return "fact.list", service.FactAsk{Subject: fact.Of(fact.OfDevice, string(device(i)))}
		}},
		{"models", true, false, same("model.list", service.ModelAsk{})},
		{"one model", true, false, func(i int) (string, any) { return "model.get", service.ID{ID: modelID(i)} }},
		{"states counted", true, false, same("device.stat", nil)},
		{"tasks", true, false, same("task.list", service.TaskAsk{})},
		{"tasks of an owner", true, false, func(i int) (string, any) { return "task.list", service.TaskAsk{Owner: h.owner(i)} }},
		{"work that is due", true, true, same("care.list", service.CareAsk{})},
		{"orders", true, true, same("order.list", service.OrderAsk{})},
		{"acceptances", true, true, same("acceptance.list", service.AcceptanceAsk{})},
		{"connections", true, false, same("flow.list", service.FlowAsk{})},
		{"connections not encrypted", true, false, same("flow.list", service.FlowAsk{Encrypted: "no"})},
		{"connections counted", true, false, same("flow.stat", service.FlowStatAsk{})},
		{"associations", true, true, same("association.list", service.AssociationAsk{})},
		{"messages", true, false, same("message.search", service.MessageSearch{})},
		{"messages of a device", true, false, func(i int) (string, any) { return "message.search", service.MessageSearch{Device: device(i)} }},
		{"issues", true, true, same("issue.list", service.IssueAsk{})},
		{"alerts", true, true, same("alert.list", service.AlertAsk{})},
		{"quarantine", true, true, same("quarantine.list", service.QuarantineAsk{})},
		{"jobs", true, false, same("job.list", nil)},
		{"audit", true, false, same("audit.list", service.AuditAsk{})},
		{"what flows where, by model", true, false, same("graph.get", service.GraphAsk{})},
		{"what flows where, by place", true, false, same("graph.get", service.GraphAsk{By: "place"})},
		{"oversight", true, false, same("oversight.get", nil)},
		{"overview", true, false, same("overview.get", nil)},
		{"what stops with a model", true, false, func(i int) (string, any) {
			return "dependency.get", service.DependencyAsk{Kind: "model", ID: modelID(i)}
		}},
		{"what stops with a ward", true, false, func(i int) (string, any) {
			return "dependency.get", service.DependencyAsk{Kind: "place", ID: h.ward(i)}
		}},
		{"what stops with the channel", false, false, same("dependency.get", service.DependencyAsk{Kind: "channel", ID: "in"})},
	}
}
