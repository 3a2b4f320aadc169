package reference

import (
	"fmt"
	"reflect"
	"strings"

	"thalamus/internal/access"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// operations describes every operation: who may call it, what it takes and
// what it answers.
func operations() []byte {
	p := newPage("Operations", "One list of operations is behind console, API and command line. An operation's name is at once the permission, the action in the audit, "+
		"the address `/api/v1/noun/verb` and the command `thalamus noun verb`.\n\n"+
		"Over HTTP an operation takes and answers a JSON object: `POST` with the request as body, or `GET` with query parameters for those that read. "+
		"Errors are `application/problem+json` with a code of the [fault list](faults.md). `/api/openapi.json` describes all of it to programs.")
	p.code("sh", `curl --cacert thalamus-data/tls/authority.pem -H "Authorization: Bearer $THALAMUS_TOKEN" \
  https://localhost:8443/api/v1/device/list?new=true`)
	table, err := access.NewTable(nil)
	if err != nil {
		return nil // the built-in roles are checked by a test
	}
	roles := access.BuiltIn()
	may := func(op string) string {
		for _, r := range roles {
			if table.May(access.Actor{Roles: []string{r.Name}}, op) {
				return r.Name
			}
		}
		return ""
	}
	p.line("## Roles\n")
	var rows [][]string
	for _, r := range roles {
		rows = append(rows, []string{r.Name, r.Doc})
	}
	p.table([]string{"role", "may"}, rows)
	p.line("\"From\" below is the least of these roles that may call an operation. Every act is audited; *patients* marks answers with patients' data, where every look is audited too.\n")
	noun := ""
	for _, op := range service.Ops() {
		if op.Noun() != noun {
			noun = op.Noun()
			p.line("## %s\n", noun)
		}
		p.line("### %s\n", op.Name)
		marks := []string{"from " + may(op.Name), map[service.Mode]string{service.Reads: "reads", service.Acts: "changes", service.Works: "works"}[op.Mode]}
		if op.Patients {
			marks = append(marks, "patients")
		}
		p.line("%s *(%s)*\n", sentenceOf(op.Doc), strings.Join(marks, ", "))
		fields := service.Fields(op.Request)
		if len(fields) > 0 {
			var rows [][]string
			for _, f := range fields {
				needed := ""
				if f.Required {
					needed = "yes"
				}
				rows = append(rows, []string{quoted(f.Name), typeName(f.Type()), needed, f.Doc})
			}
			p.table([]string{"request", "type", "needed", "meaning"}, rows)
		}
		if op.Response != reflect.TypeFor[service.None]() {
			p.line("Answers %s.\n", answer(op.Response))
		}
	}
	return p.bytes()
}

// answer names the fields of an answer.
func answer(t reflect.Type) string {
	list := ""
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice {
			list = "a list of "
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return list + typeName(t)
	}
	names := make([]string, 0, 16)
	for _, f := range jsonFields(t) {
		name := quoted(f.Name)
		if f.Name == "rows" && f.Type.Kind() == reflect.Slice {
			name += " (each " + answer(f.Type.Elem()) + ")"
		}
		names = append(names, name)
	}
	return list + strings.Join(names, ", ")
}

func typeName(t reflect.Type) string {
	switch {
	case t == timeType:
		return "time"
	case t == reflect.TypeFor[model.Duration]():
		return "duration"
	case t.Implements(marshalsText):
		return "text"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return fmt.Sprintf("list of %s", typeName(t.Elem()))
	case reflect.Bool:
		return "true/false"
	case reflect.String:
		return "text"
	case reflect.Struct, reflect.Map, reflect.Interface:
		return "object"
	}
	return "number"
}
