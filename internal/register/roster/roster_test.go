package roster

import (
	"fmt"
	"strings"
	"testing"
)

func TestGuess(t *testing.T) {
	for what, c := range map[string]struct {
		columns, want string
		origin        string
		what          What
	}{
		"German":   {"Inventar-Nr.|Hersteller|Gerätetyp|Seriennummer|Station|Raum|Kaufdatum|Zuständig", "Gerätetyp=model Hersteller=manufacturer Inventar-Nr.=asset Kaufdatum=purchased Raum=room Seriennummer=serial Station=ward Zuständig=custodian", "", Devices},
		"French":   {"N° d'inventaire|Fabricant|Modèle|N° de série|Unité|Date d'achat", "Date d'achat=purchased Fabricant=manufacturer Modèle=model N° d'inventaire=asset N° de série=serial Unité=ward", "", Devices},
		"Snipe-IT": {"ID|Company|Asset Name|Asset Tag|Model|Model No.|Category|Manufacturer|Serial|Purchase Date|Purchase Cost|Status|Location|Supplier|Warranty|Warranty Expires|Notes", "Asset Name=name Asset Tag=asset Company=owner Location=place Manufacturer=manufacturer Model=model Notes=note Purchase Cost=price Purchase Date=purchased Serial=serial Status=life Supplier=supplier Warranty Expires=warranty", FromSnipeIT, Devices},
		"GLPI":     {"Name|Entity|Status|Manufacturer|Serial number|Inventory number|Type|Model|Location|Alternate username", "Entity=owner Inventory number=asset Location=place Manufacturer=manufacturer Model=model Name=name Serial number=serial Status=life", FromGLPI, Devices},
		"by hand":  {"Asset|Manufacturer|Type|Serial No|Dept|Owner", "Asset=asset Dept=department Manufacturer=manufacturer Owner=owner Serial No=serial Type=model", "", Devices},
		"kinds":    {"Type|Model|Serial", "Model=model Serial=serial", "", Devices},
		"GUDID":    {"PrimaryDI|brandName|versionModelNumber|companyName|deviceDescription", "PrimaryDI=udi-di companyName=manufacturer deviceDescription=note versionModelNumber=model", FromGUDID, Models},
	} {
		m, w := Guess(strings.Split(c.columns, "|"))
		var got []string
		for _, k := range sorted(m) {
			got = append(got, k+"="+m[k])
		}
		if strings.Join(got, " ") != c.want || w != c.what || Origin(strings.Split(c.columns, "|")) != c.origin {
			t.Errorf("%s: %s", what, strings.Join(got, " "))
		}
		if err := m.Check(strings.Split(c.columns, "|"), w); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func sorted(m Mapping) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	for i := range out {
		for k := i + 1; k < len(out); k++ {
			if out[k] < out[i] {
				out[i], out[k] = out[k], out[i]
			}
		}
	}
	return out
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		in, want string
		order    Dates
	}{
		{"2026-05-03", "2026-05-03", ""}, {"3.5.2026", "2026-05-03", ""}, {"2026-05-03 00:00:00", "2026-05-03", ""}, {"25/12/2025", "2025-12-25", ""},
		{"12/25/2025", "2025-12-25", ""}, {"3/5/2026", "", ""}, {"3/5/2026", "2026-05-03", DayFirst}, {"3/5/2026", "2026-03-05", MonthFirst}, {"5/5/2026", "2026-05-05", ""},
		{"31.02.2024", "", ""}, {"gestern", "", ""}, {"0001-01-01", "", ""},
	} {
		if got, ok := date(c.in, c.order); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s %s: %q", c.in, c.order, got)
		}
	}
	for in, want := range map[string]string{"1250.50": "1250.50", "1.250,50 €": "1250.50", "1,250.50": "1250.50", "12,5": "12.5", "1.250": "", "1'250": "1250", "1.250.000": "1250000", "x": "", "": "", "-3": "-3", "0.125": "0.125"} {
		if got, ok := number(in); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

// Which device a row is: with reasons, and doubtful where numbers disagree.
func TestPlan(t *testing.T) {
	k := NewKnown(2026)
	k.Add(Unit{ID: "dev-a", Said: map[string]string{"owner": "ICU"}, Names: map[string][]string{"serial": {"SN-1"}, "manufacturer": {"Philips"}, "model": {"MX750"}, "asset": {"INV 1"}, "mac": {"00:11:22:33:44:55"}}})
	k.Add(Unit{ID: "dev-b", Said: map[string]string{}, Names: map[string][]string{"udi": {"(01)09506000134352(21)7"}, "serial": {"7"}}})
	rows := func(r ...map[string]string) (out []Row) {
		for i, v := range r {
			out = append(out, Row{N: i + 2, Values: v})
		}
		return out
	}
	for what, c := range map[string]struct {
		row     map[string]string
		chosen  string
		outcome Outcome
		id, why string
	}{
		"serial and maker":       {map[string]string{"serial": "sn1", "manufacturer": "PHILIPS"}, "", Changed, "dev-a", "serial number and maker"},
		"known already":          {map[string]string{"asset": "INV-1", "owner": "ICU"}, "", Changed, "dev-a", "asset number"},
		"serial alone":           {map[string]string{"serial": "SN-1"}, "", Doubtful, "", ""},
		"maker written else":     {map[string]string{"serial": "SN-1", "manufacturer": "Philips Healthcare"}, "", Doubtful, "", ""},
		"another maker":          {map[string]string{"serial": "SN-1", "manufacturer": "Acme"}, "", New, "", ""},
		"udi":                    {map[string]string{"udi": "0109506000134352217"}, "", Changed, "dev-b", "udi"},
		"asset, another serial":  {map[string]string{"serial": "SN-9", "asset": "INV1"}, "", Doubtful, "", ""},
		"two numbers, two units": {map[string]string{"udi": "(01)09506000134352(21)7", "asset": "INV1"}, "", Doubtful, "", ""},
		"mac":                    {map[string]string{"mac": "00:11:22:33:44:55"}, "", Changed, "dev-a", "MAC address"},
		"chosen":                 {map[string]string{"serial": "SN-1"}, "dev-a", Changed, "dev-a", "chosen"},
		"chosen new":             {map[string]string{"serial": "SN-1"}, "new", New, "", ""},
	} {
		choice := map[int]string{}
		if c.chosen != "" {
			choice[2] = c.chosen
		}
		steps, problems := Plan(rows(c.row), k, choice)
		if len(problems) > 0 || steps[0].Outcome != c.outcome || steps[0].ID != c.id || steps[0].Why != c.why {
			t.Errorf("%s: %+v %+v", what, steps, problems)
		}
	}
	steps, problems := Plan(rows(
		map[string]string{"serial": "1", "manufacturer": "Acme"}, map[string]string{"serial": "1", "manufacturer": "acme"},
		map[string]string{"asset": "INV1"}, map[string]string{"serial": "SN-1", "manufacturer": "Philips"},
	), k, nil)
	if len(problems) != 2 || problems[0].Row != 3 || problems[1].Row != 5 || Counts(steps)[Wrong] != 2 {
		t.Errorf("%+v", problems)
	}
	first := Digest(steps)
	steps, _ = Plan(rows(map[string]string{"serial": "1", "manufacturer": "Acme"}), k, nil)
	if Digest(steps) == first || Digest(steps) == "" {
		t.Error("two plans have one digest")
	}
}

// Models keep their name; a DI finds them.
func TestPlanModels(t *testing.T) {
	k := NewKnown(2026)
	k.AddModel(Unit{ID: "mdl-a", Said: map[string]string{"manufacturer": "Acme", "model": "Z9"}, Names: map[string][]string{"udi-di": {"09506000134352"}}})
	id := func(maker, name string) string { return "mdl-" + maker + name }
	steps, problems := PlanModels([]Row{
		{N: 2, Values: map[string]string{"udi-di": "09506000134352", "manufacturer": "ACME Inc", "model": "Zorglub 9", "gmdn": "36872"}},
		{N: 3, Values: map[string]string{"manufacturer": "B", "model": "C"}},
		{N: 4, Values: map[string]string{"udi-di": "1"}},
	}, k, nil, id)
	if len(problems) != 1 || problems[0].Row != 4 || steps[0].ID != "mdl-a" || len(steps[0].Changes) != 2 || steps[1].ID != "mdl-BC" || steps[1].Outcome != New {
		t.Errorf("%+v %+v", steps, problems)
	}
}

// Any table gives problems or rows, never a panic, and the same twice.
func FuzzRoster(f *testing.F) {
	f.Add("Seriennummer|Hersteller|MAC|Kaufdatum|Status|Station", "1|Acme|001122334455|3.5.2026|in Betrieb|ICU\n2||zz|x||")
	f.Add("Asset Tag|Model|UDI", "1|Z|(01)09506000134352(21)7")
	f.Fuzz(func(t *testing.T, head, body string) {
		table := Table{Columns: strings.Split(head, "|"), First: 2}
		for _, line := range strings.Split(body, "\n") {
			row := strings.Split(line, "|")
			for len(row) < len(table.Columns) {
				row = append(row, "")
			}
			table.Rows = append(table.Rows, row[:len(table.Columns)])
		}
		run := func() string {
			m, w := Guess(table.Columns)
			if err := m.Check(table.Columns, w); err != nil {
				return err.Error()
			}
			rows, problems := Read(table, m, w, "")
			if w == Models {
				steps, _ := PlanModels(rows, NewKnown(2026), nil, func(a, b string) string { return a + "/" + b })
				return Digest(steps)
			}
			steps, more := Plan(rows, NewKnown(2026), nil)
			if len(steps) != len(rows) {
				t.Fatal("a row is lost")
			}
			return fmt.Sprint(Digest(steps), problems, more)
		}
		seen := map[string]int{}
		for _, c := range table.Columns {
			if seen[c]++; seen[c] > 1 {
				return // the reader of tables gives each column a name of its own
			}
		}
		if a, b := run(), run(); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

// A device identifier with a wrong check digit, or none, is a problem of its
// row alone (R27).
func TestDeviceIdentifiersAreChecked(t *testing.T) {
	table := Table{Columns: []string{"PrimaryDI", "companyName", "versionModelNumber"}, First: 2, Rows: [][]string{
		{"09506000134352", "Acme", "Z9"}, {"123", "Acme", "Z10"}, {"09506000134353", "Acme", "Z11"}, {"H123PARTNO1", "Acme", "Z12"},
	}}
	rows, problems := Read(table, Mapping{"PrimaryDI": "udi-di", "companyName": "manufacturer", "versionModelNumber": "model"}, Models, Dates(""))
	if len(rows) != 4 || rows[0].Wrong || !rows[1].Wrong || !rows[2].Wrong || rows[3].Wrong {
		t.Errorf("%+v", rows)
	}
	if len(problems) != 2 || problems[0].Row != 3 || problems[0].Column != "PrimaryDI" || problems[0].Value != "123" || problems[1].Row != 4 {
		t.Errorf("%+v", problems)
	}
}
