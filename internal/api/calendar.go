package api

import (
	"io"
	"net/http"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// calendarPath is where calendar programs subscribe to what is due.
const calendarPath = "/api/v1/care/calendar.ics"

// serveCalendar answers with what care.calendar gives as text/calendar (RFC
// 5545 §8.1). Programs that know no bearer tokens may send the API token as the
// password of HTTP Basic (RFC 7617); never in the address, which is logged.
func (s *Server) serveCalendar(w http.ResponseWriter, r *http.Request) {
	if _, token, ok := r.BasicAuth(); ok {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	caller, err := s.authenticate(r)
	if err != nil {
		if fault.KindOf(err) == fault.Denied {
			w.Header().Set("WWW-Authenticate", `Basic realm="Thalamus: an API token as password", charset="UTF-8"`)
		}
		WriteProblem(w, err)
		return
	}
	var ask service.CareAsk
	var made service.Calendar
	if err = readQuery(r.URL.Query(), s.ops["care.calendar"], &ask); err == nil {
		err = caller.Call(r.Context(), "care.calendar", ask, &made)
	}
	if err != nil {
		WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `inline; filename="maintenance.ics"`)
	_, _ = io.WriteString(w, made.Text) // the connection is gone: nobody is left to tell
}

func describeCalendar(op service.Op) (object, error) {
	path, err := describePath(op, Schemas())
	if err != nil {
		return nil, err
	}
	get := path["get"].(object)
	return object{"get": object{
		"operationId": "care.calendar.ics", "summary": "What is due as a calendar (RFC 5545), for calendar programs.", "x-permission": op.Name,
		"description": "Takes the API token as bearer token, or as the password of HTTP Basic.",
		"tags":        []string{"care"}, "parameters": get["parameters"],
		"responses": withErrors(object{"200": object{"description": "The calendar.", "content": object{"text/calendar": object{"schema": object{"type": "string"}}}}}),
	}}, nil
}
