package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// Bounds of what the raw tab shows; the file has all of it.
const (
	rawLines = 1000
	rawBytes = 60_000
)

// subject is the thing a page is about.
type subject struct {
	kind, id string
	op       service.Op // that gives it; without a name where there is none
	request  any        // of op
}

// subjectOf gives the thing of the page that is shown; ok is false where there
// is none, or it is only being made.
func (c *console) subjectOf(v *ui.Visit) (s subject, ok bool, err error) {
	if v.Page == nil || v.Page.Thing.Kind == "" {
		return s, false, nil
	}
	thing := v.Page.Thing
	s.kind = thing.Kind
	get := thing.Get
	if get == "" {
		get = thing.Kind + ".get"
	}
	s.op = c.ops[get]
	if thing.Ask != nil {
		s.id, s.request, err = thing.Ask(v)
		return s, err == nil, err
	}
	pattern := path.Base(v.Page.Path) // "{id}"
	s.id = v.Path(strings.Trim(pattern, "{}"))
	if s.id == "" || s.id == "new" {
		return s, false, nil
	}
	if s.op.Name == "" {
		return s, true, nil
	}
	request := reflect.New(s.op.Request)
	fields := service.Fields(s.op.Request)
	if i := slices.IndexFunc(fields, func(f service.Field) bool { return f.Arg }); i >= 0 {
		err = fields[i].Set(request.Interface(), []string{s.id})
	}
	s.request = request.Elem().Interface()
	return s, err == nil, err
}

// history gives the operation that lists changes of a kind, and its request.
func (s subject) history(after uint64) (operation string, request any) {
	if s.kind == "patient" {
		ask := service.PatientChangeAsk{After: after}
		ask.ID = model.PatientID(s.id)
		return "patient.history", ask
	}
	return "change.list", service.ChangeAsk{Kind: s.kind, ID: s.id, After: after}
}

// mayHistory says whether the visitor may see who changed the thing.
func (c *console) mayHistory(v *ui.Visit, s subject) bool {
	operation, _ := s.history(0)
	if !v.May(operation) {
		return false
	}
	acts := false // a kind that nobody changes has no history
	for name, op := range c.ops {
		acts = acts || op.Mode != service.Reads && strings.HasPrefix(name, s.kind+".")
	}
	return acts || s.kind == "patient"
}

// tabsOf lists the tabs of the page that is shown.
func (c *console) tabsOf(v *ui.Visit) []ui.Tab {
	s, ok, err := c.subjectOf(v)
	if !ok || err != nil {
		return nil
	}
	ctx, now, home := v.Context(), v.Tab(), v.Request.URL.Path
	if v.Request.Method != http.MethodGet {
		now, home = "", c.homeOf(v)
	}
	all := []ui.Tab{{Name: ui.T(ctx, "Overview"), To: ui.To(home), On: now == ""}}
	if c.mayHistory(v, s) {
		all = append(all, ui.Tab{Name: ui.T(ctx, "History"), To: ui.To(home, "?tab=history"), On: now == "history"})
	}
	if s.op.Name != "" && v.May(s.op.Name) {
		all = append(all, ui.Tab{Name: ui.T(ctx, "Raw"), To: ui.To(home, "?tab=raw"), On: now == "raw"})
	}
	return all
}

// homeOf is the address of the page an act belongs to.
func (c *console) homeOf(v *ui.Visit) string {
	parts := strings.Split(v.Request.URL.Path, "/")
	return strings.Join(parts[:min(len(parts), strings.Count(v.Page.Path, "/")+1)], "/")
}

// tab puts the tab that was asked for in place of the page's body.
func (c *console) tab(v *ui.Visit, view *ui.View) error {
	view.Tabs = c.tabsOf(v)
	s, ok, err := c.subjectOf(v)
	if !ok || err != nil {
		return err
	}
	switch v.Tab() {
	case "history":
		if !c.mayHistory(v, s) {
			operation, _ := s.history(0)
			return cmp.Or(allowed(v, operation), noSuchPage())
		}
		all, next, err := c.changed(v, s)
		if err != nil {
			return err
		}
		view.Body = ui.History(view.History, all, next)
	case "raw":
		if s.op.Name == "" {
			return noSuchPage()
		}
		text, err := c.raw(v, s)
		if err != nil {
			return err
		}
		view.Body = ui.RawPart(rawOf(s, text))
		if !slices.Contains(view.Styles, "meaning.css") { // where texts with numbered lines get their look
			view.Styles = append(slices.Clone(view.Styles), "meaning.css")
		}
	default:
		return nil
	}
	view.Actions = nil
	return nil
}

// changed lists the acts on a thing; those that made a version say what it
// changed. A version that another act made, as a text brought in force, stands
// among them.
func (c *console) changed(v *ui.Visit, s subject) (all []ui.Changed, next string, err error) {
	var after uint64
	if text := v.Query("after"); text != "" {
		if err := json.Unmarshal([]byte(text), &after); err != nil {
			return nil, "", fault.New(fault.Invalid, "web.place", "this is no place in a list; begin at its first page").At("after")
		}
	}
	operation, request := s.history(after)
	var list service.List[service.Change]
	if err := v.Call(operation, request, &list); err != nil {
		return nil, "", err
	}
	versions, err := c.versions(v, s)
	if err != nil {
		return nil, "", err
	}
	for _, one := range list.Rows {
		row := ui.Changed{Change: one, Undoable: service.Undoable(c.ops[one.Action])}
		if i := slices.IndexFunc(versions, func(w ui.Changed) bool { return w.Change.Change == one.Change }); i >= 0 {
			row.Version, row.Removed, row.Differences, row.Back = versions[i].Version, versions[i].Removed, versions[i].Differences, versions[i].Back
			versions = slices.Delete(versions, i, i+1)
		}
		all = append(all, row)
	}
	for _, w := range versions { // those of the pages before and after stay there
		if (list.Next == "" || !w.At.Before(all[len(all)-1].At)) && (after == 0 || len(all) > 0 && !w.At.After(all[0].At)) {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, ui.Changed.Later)
	return all, list.Next, nil
}

// versions of a governed thing, the latest first, with what each changed.
func (c *console) versions(v *ui.Visit, s subject) ([]ui.Changed, error) {
	op := c.ops[s.kind+".history"]
	if op.Name == "" || op.Request != reflect.TypeFor[service.ID]() || !v.May(op.Name) {
		return nil, nil
	}
	answer := reflect.New(op.Response)
	if err := v.Call(op.Name, service.ID{ID: s.id}, answer.Interface()); err != nil {
		return nil, err
	}
	text, err := json.Marshal(answer.Interface())
	if err != nil {
		return nil, err
	}
	var list []service.Versioned[map[string]any]
	if json.Unmarshal(text, &list) != nil { // it lists something else than versions
		return nil, nil
	}
	edit := v.Request.URL.Path + "/edit"
	out := make([]ui.Changed, 0, len(list))
	for i, one := range list {
		row := ui.Changed{Version: one.Version, Removed: one.Removed}
		row.At, row.By, row.Change.Change = one.At, one.By, one.Mark.Change
		row.Action, row.Undoable = s.kind+".put", true
		if i+1 < len(list) && !one.Removed && !list[i+1].Removed {
			row.Differences = service.Differences(list[i+1].Value, one.Value)
		}
		if i > 0 && !one.Removed && v.Leads(edit) && v.May(s.kind+".put") {
			row.Back = edit + "?from=" + strconv.FormatInt(one.Version, 10)
		}
		out = append(out, row)
	}
	return out, nil
}

// raw gives a thing as the API does, laid out.
func (c *console) raw(v *ui.Visit, s subject) ([]byte, error) {
	answer := reflect.New(s.op.Response)
	if err := v.Call(s.op.Name, s.request, answer.Interface()); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(answer.Interface())
	return out.Bytes(), err
}

// rawFile answers with the thing as a file.
func (c *console) rawFile(w http.ResponseWriter, v *ui.Visit) error {
	s, ok, err := c.subjectOf(v)
	if err != nil {
		return err
	}
	if !ok || s.op.Name == "" {
		return noSuchPage()
	}
	text, err := c.raw(v, s)
	if err != nil {
		return err
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, s.kind+"-"+s.id)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.json"`)
	_, _ = w.Write(text) // the connection is gone: nobody is left to tell
	return nil
}

// rawOf lays a thing out for the page, with how to ask for it.
func rawOf(s subject, text []byte) ui.Raw {
	request, _ := json.Marshal(s.request) // requests are our own types
	out := ui.Raw{Operation: s.op.Name, Request: string(request), Command: command(s.op, request)}
	lines := ui.Lines(strings.TrimRight(string(text), "\n"))
	out.All = len(lines)
	size := 0
	for i := range lines {
		if size += len(lines[i].Text) + 1; i == rawLines || size > rawBytes {
			lines = lines[:i]
			break
		}
	}
	out.Lines = lines
	return out
}

// command is the command line of a request.
func command(op service.Op, request []byte) string {
	var given map[string]any
	d := json.NewDecoder(bytes.NewReader(request))
	d.UseNumber()
	_ = d.Decode(&given) // what we wrote ourselves
	line := []string{"thalamus", op.Noun(), op.Verb()}
	for _, f := range service.Fields(op.Request) {
		value, ok := given[f.Name]
		if !ok {
			continue
		}
		text, isText := value.(string)
		if !isText {
			number, _ := json.Marshal(value)
			text = string(number)
		}
		if strings.ContainsAny(text, " '\"$&;|<>*?()") {
			text = "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		}
		if !f.Arg {
			line = append(line, "--"+f.Name)
		}
		line = append(line, text)
	}
	return strings.Join(line, " ")
}
