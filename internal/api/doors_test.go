package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"thalamus/internal/api"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// Every operation does the same through the in-process door, the HTTPS client
// with a token and the client of the socket: same answers, same faults.
func TestEveryOperationThroughEveryDoor(t *testing.T) {
	ops := map[string]service.Op{}
	for _, o := range service.Ops() {
		ops[o.Name] = o
	}
	answers := map[string][]string{}
	for _, door := range []string{"service", "https", "socket"} {
		h := apptest.Start(t)
		h.Furnish()
		secret, _ := h.Token("administrator")
		var caller service.Caller
		switch door {
		case "service":
			caller = h.Door()
		case "https":
			caller = h.Client(secret)
		case "socket":
			caller = api.NewLocal(h.Folder + "/thalamus.sock")
		}
		times := map[string]int{}
		for _, e := range h.Errands() {
			op, by := ops[e.Op], caller
			if e.Person() && door == "https" {
				by = h.Door()
			}
			response := reflect.New(op.Response)
			if err := by.Call(t.Context(), e.Op, e.Request(), response.Interface()); err != nil {
				t.Errorf("%s through %s: %v", e.Op, door, err)
				continue
			}
			text, err := json.Marshal(response.Interface())
			if err != nil {
				t.Fatal(err)
			}
			times[e.Op]++
			which := fmt.Sprint(e.Op, " ", times[e.Op])
			answers[which] = append(answers[which], shape(t, text))
			if door == "https" && !e.Person() {
				r := h.Audited(e.Op)
				if op.Mode != service.Reads && (len(r) == 0 || r[0].ActorKind != "token" || r[0].Remote != "127.0.0.1") {
					t.Errorf("%s: %+v", e.Op, r)
				}
			}
		}
		// Faults are the same too, with kind, code, place and text.
		for _, c := range []struct {
			op      string
			request any
		}{
			{"channel.get", service.ID{ID: "nothing"}},
			{"channel.remove", service.Remove{ID: "nothing"}},
			{"channel.disable", service.Remove{ID: "ward", Version: 99}},
			{"config.diff", service.ConfigText{Name: "a.yaml", Text: "x: y"}},
			{"entry.redact", service.EntryAct{Seq: 1}},
			{"user.add", service.UserAdd{Name: "a:b"}},
			{"message.get", service.Ref{Seq: 1 << 40}},
			{"no.operation", service.None{}},
		} {
			err := caller.Call(t.Context(), c.op, c.request, nil)
			f, ok := err.(*fault.Fault)
			if !ok {
				t.Errorf("%s %s: %v", door, c.op, err)
				continue
			}
			if f.Code == "api.no-operation" {
				f.Code = "service.no-operation"
				f.Text = `there is no operation "no.operation"`
			}
			answers["fault of "+c.op] = append(answers["fault of "+c.op], string(f.Kind)+" "+f.Code+" "+f.Place+" "+f.Text)
		}
		h.Stop()
	}
	for op, list := range answers {
		for _, other := range list[1:] {
			if other != list[0] {
				t.Errorf("%s differs:\n%s\n%s", op, list[0], other)
			}
		}
	}
}

// shape gives an answer's keys and kinds, because its numbers and times differ
// from house to house.
func shape(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var of func(v any) any
	of = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, x := range v {
				switch k {
				case "lastTime", "receipt", "lastCode", "lastReason", "oldest", "notes", "next", "jobs", "perSecond", "duplicates", "text", "counts", "ended", "replay":
					continue // may be there or not, by time
				}
				out[k] = of(x)
			}
			return out
		case []any:
			if len(v) == 0 {
				return []any{}
			}
			return []any{of(v[0])}
		case nil:
			return []any{}
		}
		return reflect.TypeOf(v).String()
	}
	out, _ := json.Marshal(of(v))
	return string(out)
}

// The document describes every operation: one path each, its methods, request
// and answers. What the server answers fits the schemas.
func TestAnswersFitTheDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test; one thing after another")
	}
	h := apptest.Start(t)
	h.Furnish()
	secret, _ := h.Token("administrator")
	status, head, text := ask(t, h, "", "GET", "/api/openapi.json", "", "")
	if status != http.StatusOK || head.Get("Content-Type") != "application/json" {
		t.Fatal(status, head)
	}
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string
			Permission  string         `json:"x-permission"`
			Responses   map[string]any `json:"responses"`
			RequestBody struct {
				Content map[string]struct {
					Example json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	ops := map[string]service.Op{}
	ids := map[string]bool{}
	for _, o := range service.Ops() {
		ops[o.Name] = o
		path := document.Paths["/api/v1/"+o.Noun()+"/"+o.Verb()]
		post, ok := path["post"]
		_, get := path["get"]
		if !ok || get != (o.Mode == service.Reads) || post.Permission != o.Name || post.Summary != o.Doc || len(post.Responses) < 10 || post.Responses["200"] == nil {
			t.Errorf("%s: %+v", o.Name, path)
			continue
		}
		for _, one := range path {
			if ids[one.OperationID] {
				t.Errorf("%s stands twice", one.OperationID)
			}
			ids[one.OperationID] = true
		}
		// The example is a request the server can read: what it answers, if
		// not done, is about what is in it.
		example := post.RequestBody.Content["application/json"].Example
		if s, _, body := ask(t, h, "", "POST", "/api/v1/"+o.Noun()+"/"+o.Verb(), "application/json", string(example)); s != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d %s", o.Name, s, body)
		}
	}
	if len(document.Paths) != len(ops)+4 { // events, files of extracts, archives of waveforms, the calendar of what is due
		t.Errorf("%d paths for %d operations", len(document.Paths), len(ops))
	}
	registry := api.Schemas()
	for _, e := range h.Errands() {
		op := ops[e.Op]
		body, err := json.Marshal(e.Request())
		if err != nil {
			t.Fatal(err)
		}
		fits(t, registry, op.Request, huma.ModeWriteToServer, e.Op+" request", string(body))
		path := "/api/v1/" + op.Noun() + "/" + op.Verb()
		if e.Person() {
			response := reflect.New(op.Response)
			if err := h.Door().Call(t.Context(), e.Op, e.Request(), response.Interface()); err != nil {
				t.Errorf("%s: %v", e.Op, err)
			}
			if s, _, _ := ask(t, h, secret, "POST", path, "application/json", string(body)); s != http.StatusForbidden && s != http.StatusConflict && s != http.StatusNotFound {
				t.Errorf("%s with a token: %d", e.Op, s)
			}
			continue
		}
		status, head, text := ask(t, h, secret, "POST", path, "application/json", string(body))
		if status != http.StatusOK || !strings.HasPrefix(head.Get("Content-Type"), "application/json") || head.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", e.Op, status, head, text)
			continue
		}
		fits(t, registry, op.Response, huma.ModeReadFromServer, e.Op+" response", text)
		if s, head, _ := ask(t, h, secret, "PUT", path, "application/json", string(body)); s != http.StatusMethodNotAllowed || !strings.Contains(head.Get("Allow"), "POST") {
			t.Errorf("PUT %s: %d %v", e.Op, s, head)
		}
		s, _, text := ask(t, h, secret, "GET", path, "", "")
		if (s == http.StatusMethodNotAllowed) == (op.Mode == service.Reads) {
			t.Errorf("GET %s: %d %s", e.Op, s, text)
		}
	}
}

func fits(t *testing.T, registry huma.Registry, typ reflect.Type, mode huma.ValidateMode, what, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	var result huma.ValidateResult
	huma.Validate(registry, registry.Schema(typ, true, what), huma.NewPathBuffer(nil, 0), mode, v, &result)
	for _, err := range result.Errors {
		t.Errorf("%s does not fit its schema: %v", what, err)
	}
}

// Whoever acts learns the id of the change, also where the answer is empty, and
// takes it back by that.
func TestChangeOfAnAct(t *testing.T) {
	h := apptest.Start(t)
	secret, _ := h.Token("administrator")
	h.Call("segment.put", service.Put[model.Segment]{Value: model.Segment{ID: "icu", Name: "Intensive care", Ranges: []string{"10.20.0.0/16"}}}, nil)
	for name, caller := range map[string]service.Caller{"service": h.Door(), "https": h.Client(secret), "socket": api.NewLocal(h.Folder + "/thalamus.sock")} {
		change := "as before"
		if err := caller.Call(service.WantChange(t.Context(), &change), "segment.remove", service.Remove{ID: "icu"}, nil); err != nil {
			t.Fatal(err)
		}
		if r := h.Audited("segment.remove"); len(r) == 0 || change != r[0].Change || change == "" {
			t.Errorf("%s: change %q", name, change)
		}
		if err := caller.Call(t.Context(), "change.undo", service.ChangeUndo{Change: change}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := caller.Call(service.WantChange(t.Context(), &change), "channel.list", nil, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
