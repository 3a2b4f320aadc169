package reference

import (
	"strings"

	"thalamus/internal/sim/drill"
	"thalamus/internal/sim/faults"
)

var places = []struct {
	where        faults.Where
	title, intro string
}{
	{faults.Link, "On the wire", "They happen in the connection that a simulated device makes."},
	{faults.Content, "In what is said", "They happen in what a device measures and tells, as its wire writes it."},
	{faults.Site, "At the server and its receivers", "`thalamus drill` alone makes them; `simulate` cannot."},
}

// drillPage describes every fault that simulated devices, receivers and servers
// can have, and what the drill looks for.
func drillPage() []byte {
	p := newPage("What goes wrong on purpose", "The faults of `thalamus simulate --fault` and `thalamus drill`: what each does, what a person should see of it, and the kinds of simulated devices that can have it (`hl7` is `thalamus simulate` without a kind). How to use them: [the guide](../guide/drill.md).")
	for _, at := range places {
		p.line("## %s\n", at.title)
		p.line("%s\n", at.intro)
		var rows [][]string
		for _, f := range faults.Catalogue() {
			if f.Where == at.where {
				rows = append(rows, []string{quoted(f.Name), f.Does, f.Seen, strings.Join(faults.Having(f.Name), " ")})
			}
		}
		p.table([]string{"fault", "what it does", "what is seen", "kinds"}, rows)
	}
	p.line("## What the drill looks for\n")
	p.line("Faults of the wire and of contents, each with devices of one kind. One of these is to be seen, or the drill is not good: the code of an issue or of a note on the channel, `repeat` (a message known to have come before), a mark of a value or a state of the device.\n")
	var rows [][]string
	for _, e := range drill.Exercises() {
		sees := "nothing: it is taken as any other"
		if len(e.Sees) > 0 {
			sees = "`" + strings.Join(e.Sees, "`, `") + "`"
		}
		rows = append(rows, []string{quoted(e.Fault), e.Kind, sees})
	}
	p.table([]string{"fault", "devices", "one of"}, rows)
	return p.bytes()
}
