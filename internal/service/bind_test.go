package service_test

import (
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/register/care"
	"thalamus/internal/service"
)

// A field in JSON that there is not is refused wherever it is read.
func TestFieldsThatThereAreNot(t *testing.T) {
	for _, f := range service.Fields(findOp(t, "contract.put").Request) {
		if f.Name != "value" {
			continue
		}
		var r service.Put[care.Contract]
		err := f.Set(&r, []string{`{"id":"a","noticeDays":30}`})
		if fault.CodeOf(err) != "service.argument" || !strings.Contains(err.Error(), "noticeDays") {
			t.Errorf("an unknown field: %v", err)
		}
		if err := f.Set(&r, []string{`{"id":"a"} {"id":"b"}`}); fault.CodeOf(err) != "service.argument" {
			t.Errorf("two values: %v", err)
		}
		if err := f.Set(&r, []string{`{"id":"a","notice":30}`}); err != nil || r.Value.Notice != 30 {
			t.Errorf("%+v %v", r.Value, err)
		}
	}
}

func findOp(t *testing.T, name string) service.Op {
	t.Helper()
	for _, op := range service.Ops() {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("there is no %s", name)
	return service.Op{}
}
