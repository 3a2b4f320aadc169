package access

import (
	"testing"

	"thalamus/internal/fault"
)

// The permission table: who may first, from viewer to administrator.
func TestBuiltInRoles(t *testing.T) {
	table, err := NewTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	roles := []string{"viewer", "operator", "engineer", "administrator"}
	for permission, from := range map[string]string{
		"message.search": "viewer", "message.get": "viewer", "patient.get": "viewer", "device.list": "viewer", "live.watch": "viewer",
		"journal.stat": "viewer", "role.list": "viewer", "deadletter.list": "viewer",
		"entry.replay": "operator", "deadletter.retry": "operator", "deadletter.discard": "operator", "device.adopt": "operator",
		"destination.pause": "operator", "destination.resume": "operator",
		"channel.enable": "engineer", "device.release": "engineer", "config.export": "engineer", "config.apply": "engineer",
		"hold.set": "engineer", "journal.verify": "engineer", "route.put": "engineer",
		"entry.redact": "administrator", "user.list": "administrator", "user.add": "administrator", "token.list": "administrator",
		"token.create": "administrator", "audit.list": "administrator", "audit.verify": "administrator",
	} {
		may := false
		for _, role := range roles {
			may = may || role == from
			if got := table.May(Actor{Roles: []string{role}}, permission); got != may {
				t.Errorf("%s may %s: %v, want %v", role, permission, got, may)
			}
		}
	}
	for _, a := range []Actor{{}, {Roles: []string{"nobody"}}, {Roles: []string{""}}} {
		if table.May(a, "device.list") {
			t.Errorf("%+v may", a)
		}
	}
	admin := Actor{Roles: []string{"administrator"}}
	for _, p := range []string{"", "device", "*"} {
		if table.May(admin, p) {
			t.Errorf("%q is a permission", p)
		}
	}
	if !table.May(OnThisMachine("root"), "audit.verify") || !table.May(Itself(), "device.adopt") {
		t.Error("the machine's owner and the program may everything")
	}
}

func TestOwnRoles(t *testing.T) {
	table, err := NewTable([]Role{{Name: "auditor", May: []string{"audit.*", "!audit.export"}}})
	if err != nil {
		t.Fatal(err)
	}
	a := Actor{Roles: []string{"auditor"}}
	if !table.May(a, "audit.list") || table.May(a, "audit.export") || table.May(a, "device.list") {
		t.Error("auditor")
	}
	a.Roles = append(a.Roles, "viewer")
	if !table.May(a, "audit.list") || !table.May(a, "device.list") {
		t.Error("two roles may what either may")
	}
	for _, c := range []struct {
		role Role
		code string
	}{
		{Role{Name: "viewer", May: []string{"*.*"}}, "access.role"},
		{Role{Name: "A b"}, "access.role"},
		{Role{Name: "x", May: []string{"device"}}, "access.pattern"},
		{Role{Name: "x", May: []string{"device.ad*"}}, "access.pattern"},
	} {
		if _, err := NewTable([]Role{c.role}); fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v", c.role, err)
		}
	}
}

func BenchmarkMay(b *testing.B) {
	table, _ := NewTable(nil)
	a := Actor{Roles: []string{"engineer"}}
	b.ReportAllocs()
	for b.Loop() {
		table.May(a, "config.apply")
	}
}
