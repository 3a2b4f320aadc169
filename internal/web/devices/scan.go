package devices

import (
	"context"
	"net/url"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// scanPage is the page for a scanner that types: every label ends with return,
// and the field has the focus again. What each scan does stands in the address;
// what was scanned never does, because a wristband may come before the scanner.
type scanPage struct {
	scanJob
	Device  *service.DevicePage // scanned last
	Name    string
	Place   string
	Label   string // scanned, where no device is clear
	Scanned *service.Scanned
	Search  string // for the device that a label stands on
	Found   []service.DeviceRow
	Count   *count
}

// scanJob is what is done with each device scanned.
type scanJob struct {
	Do       string // find, adopt, move, lend, return, count
	To       string // place moved to
	Borrower string
	ReturnBy string
	At       string // place counted
	List     string // name of the inventory
}

// jobs are the things to do, with the operation each needs.
func jobs() [][2]string {
	return [][2]string{
		{"find", "device.scan"}, {"adopt", "device.adopt"}, {"move", "fact.set"}, {"lend", "device.lend"}, {"return", "device.return"}, {"count", "fact.set"},
	}
}

func jobName(ctx context.Context, do string) string {
	switch do {
	case "adopt":
		return ui.T(ctx, "Adopt")
	case "move":
		return ui.T(ctx, "Move")
	case "lend":
		return ui.T(ctx, "Lend")
	case "return":
		return ui.T(ctx, "Return")
	case "count":
		return ui.T(ctx, "Count")
	}
	return ui.T(ctx, "Find")
}

// jobOf reads what to do from the address, or from the form.
func jobOf(v *ui.Visit) scanJob {
	j := scanJob{Do: asked(v, "do"), To: asked(v, "to"), Borrower: asked(v, "borrower"), ReturnBy: asked(v, "return-by"), At: asked(v, "at"), List: asked(v, "list")}
	if jobName(v.Context(), j.Do) == jobName(v.Context(), "") {
		j.Do = "find"
	}
	if j.List == "" && j.At != "" { // the place and the day name an inventory
		j.List = strings.ReplaceAll(j.At, "^", " ") + " " + v.Now.In(v.Zone).Format("2006-01-02")
	}
	return j
}

// here is the page's address for a job, with the device scanned last.
func (j scanJob) here(device string) string {
	q := url.Values{"do": {j.Do}}
	for name, value := range map[string]string{"to": j.To, "borrower": j.Borrower, "return-by": j.ReturnBy, "at": j.At, "list": j.List, "device": device} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/scan?" + q.Encode()
}

// ready says whether a scan can be done at once: nothing else is needed first.
func (j scanJob) ready() bool {
	switch j.Do {
	case "move":
		return j.To != ""
	case "lend":
		return j.Borrower != "" && j.ReturnBy != ""
	case "count":
		return j.At != ""
	}
	return true
}

func scan(v *ui.Visit) (ui.View, error) {
	p := scanPage{scanJob: jobOf(v), Label: v.Typed("label")}
	return p.view(v, asked(v, "device"))
}

// view reads the device scanned last and the count, and shows the page.
func (p scanPage) view(v *ui.Visit, device string) (ui.View, error) {
	if device != "" && v.May("device.get") {
		p.Device = &service.DevicePage{}
		if err := v.Call("device.get", service.ID{ID: device}, p.Device); err != nil {
			return ui.View{}, err
		}
		p.Name = deviceName(p.Device)
		p.Place = saidOf(p.Device.Facts, "place")
	}
	if p.Do == "count" && p.ready() {
		c, err := counted(v, p.At, p.List)
		if err != nil {
			return ui.View{}, err
		}
		p.Count = c
	}
	return ui.View{Title: ui.T(v.Context(), "Scan"), Body: scanBody(p), Styles: styles}, nil
}

// scanned takes a label: the device it stands on is dealt with at once; where
// none or several are meant, the page asks.
func scanned(v *ui.Visit) (ui.Done, error) {
	text := v.Typed("text")
	p := scanPage{scanJob: jobOf(v), Label: text}
	var s service.Scanned
	if err := v.Call("device.scan", service.Scan{Text: text}, &s); err != nil {
		return ui.Done{}, err
	}
	switch {
	case len(s.Devices) > 0 && !s.Unclear:
		return p.deal(v, string(s.Devices[0].Device.ID))
	case p.Do == "move" && len(s.Devices) == 0 && s.UDI == nil && strings.Contains(text, "^"):
		p.To = text // the label of a place
		return ui.Done{To: p.here(""), Toast: &ui.Toast{Text: ui.T(v.Context(), "Now scan what is moved to %s.", ui.PlaceText(p.To))}}, nil
	}
	p.Scanned = &s
	return p.shown(v)
}

// shown answers with the page at once, so that a label gets into no address.
func (p scanPage) shown(v *ui.Visit) (ui.Done, error) {
	view, err := p.view(v, "")
	return ui.Done{View: &view}, err
}

// scanAct deals with a device chosen on the page.
func scanAct(v *ui.Visit) (ui.Done, error) {
	return scanPage{scanJob: jobOf(v)}.deal(v, v.Typed("device"))
}

// whose looks for the device that an unknown label stands on.
func whose(v *ui.Visit) (ui.Done, error) {
	p := scanPage{scanJob: jobOf(v), Label: v.Typed("label"), Search: v.Typed("search"), Scanned: &service.Scanned{}}
	if err := v.Call("device.scan", service.Scan{Text: p.Label}, p.Scanned); err != nil {
		return ui.Done{}, err
	}
	var l service.List[service.DeviceRow]
	if err := v.Call("device.list", service.DeviceAsk{Text: p.Search, Limit: 20}, &l); err != nil {
		return ui.Done{}, err
	}
	p.Found = l.Rows
	return p.shown(v)
}

// takeLabel keeps a label as a device's UDI or asset number, and goes on with
// the device.
func takeLabel(v *ui.Visit) (ui.Done, error) {
	ctx := v.Context()
	p := scanPage{scanJob: jobOf(v)}
	id, name := v.Typed("device"), v.Typed("name")
	if name != "udi" && name != "asset" {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "a label is kept as udi or as asset").At("name")
	}
	change, err := say(v, id, name, v.Typed("label"), ui.T(ctx, "Scanned"))
	if err != nil {
		return ui.Done{}, err
	}
	to := p.here(id)
	return ui.Done{To: to, Toast: ui.Undoable(v, ui.T(ctx, "%s: kept.", factName(ctx, name)), to, change)}, nil
}

// say says a fact of a device, and gives the change that takes it back; empty
// when it was so already.
func say(v *ui.Visit, device, name, value, source string) (string, error) {
	var said service.FactSaid
	err := v.Call("fact.set", service.FactSay{
		Subject: service.FactSubject("device/" + device), Name: name, Value: value, Source: source, Reason: ui.T(v.Context(), "By scanner"),
	}, &said)
	return said.Change, err
}

// deal does the job with one device.
func (p scanPage) deal(v *ui.Visit, id string) (ui.Done, error) {
	ctx := v.Context()
	if !p.ready() {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "say first where to, or to whom").At(map[string]string{"move": "to", "lend": "borrower", "count": "at"}[p.Do])
	}
	to := p.here(id)
	var d service.DevicePage
	if err := v.Call("device.get", service.ID{ID: id}, &d); err != nil {
		return ui.Done{}, err
	}
	name := deviceName(&d)
	act := service.DeviceAct{ID: model.DeviceID(id), Reason: ui.T(ctx, "By scanner")}
	already := ui.Done{To: to, Toast: &ui.Toast{Text: ui.T(ctx, "%s: it was so already.", name)}}
	once := func(text, operation string, ask any) (ui.Done, error) {
		var done service.FactSaid
		err := v.Call(operation, ask, &done)
		return ui.Done{To: to, Toast: ui.Undoable(v, text, to, done.Change)}, err
	}
	said := func(text, fact, value string) (ui.Done, error) {
		change, err := say(v, id, fact, value, p.source(ctx))
		if err != nil || change == "" {
			return already, err
		}
		return ui.Done{To: to, Toast: ui.Undoable(v, text, to, change)}, nil
	}
	switch p.Do {
	case "adopt":
		if d.Device.Adopted() {
			return already, nil
		}
		if err := v.Call("device.adopt", act, nil); err != nil {
			return ui.Done{}, err
		}
		toast := &ui.Toast{Text: ui.T(ctx, "%s is adopted.", name)}
		if v.May("device.release") {
			toast.Undo, toast.With = "/devices/"+id+"/release", map[string]string{"reason": ui.T(ctx, "Adoption taken back at once")}
		}
		return ui.Done{To: to, Toast: toast}, nil
	case "move":
		return said(ui.T(ctx, "%s is moved to %s.", name, ui.PlaceText(p.To)), "place", p.To)
	case "lend":
		ask := service.DeviceLend{DeviceAct: act, To: p.Borrower, Until: service.Day(p.ReturnBy)}
		return once(ui.T(ctx, "%s is lent to %s.", name, p.Borrower), "device.lend", ask)
	case "return":
		return once(ui.T(ctx, "%s is back.", name), "device.return", service.DeviceReturn{DeviceAct: act})
	case "count":
		return said(ui.T(ctx, "%s is counted.", name), "inventory", p.List)
	}
	return ui.Done{To: to}, nil
}

// source says where what a scan tells is known from.
func (j scanJob) source(ctx context.Context) string {
	if j.Do == "count" {
		return ui.T(ctx, "Counted at %s", ui.PlaceText(j.At))
	}
	return ui.T(ctx, "Scanned")
}
