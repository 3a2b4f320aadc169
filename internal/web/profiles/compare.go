package profiles

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// comparePage is two versions of a profile, file by file.
type comparePage struct {
	From, To int
	Files    []fileChange
	Versions []ui.Option
	ID       string
}

// fileChange is how one file changed; no lines: it did not.
type fileChange struct {
	Name       string
	Lines      []ui.CodeLine
	Added, Del int
}

func compare(v *ui.Visit) (ui.View, error) {
	var now profilePage
	if err := v.Call("profile.get", service.ProfileAsk{ID: v.Path("id")}, &now.ProfilePage); err != nil {
		return ui.View{}, err
	}
	p := comparePage{ID: string(now.ID), From: now.before(0), To: now.Version}
	for name, into := range map[string]*int{"from": &p.From, "to": &p.To} {
		if text := v.Query(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return ui.View{}, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a version")
			}
			*into = n
		}
	}
	if p.From == 0 {
		p.From = p.To
	}
	var texts [2]map[string]string
	for i, version := range [...]int{p.From, p.To} {
		var one service.ProfilePage
		if err := v.Call("profile.get", service.ProfileAsk{ID: v.Path("id"), Version: version}, &one); err != nil {
			return ui.View{}, err
		}
		texts[i] = one.Files
	}
	p.Files = changes(texts[0], texts[1])
	for _, r := range now.distinct() {
		p.Versions = append(p.Versions, ui.Option{Value: strconv.Itoa(r.Version), Text: "@" + strconv.Itoa(r.Version)})
	}
	ctx := v.Context()
	return ui.View{
		Styles: styles, Title: ui.T(ctx, "Versions %d and %d", p.From, p.To), Body: compareBody(p),
		Trail: []ui.Link{{Text: ui.T(ctx, "Profiles"), To: "/profiles"}, {Text: now.Title, To: ui.To(home(p.ID))}},
	}, nil
}

// changes compares files by name.
func changes(was, is map[string]string) []fileChange {
	both := map[string]string{}
	for name := range was {
		both[name] = ""
	}
	for name := range is {
		both[name] = ""
	}
	var out []fileChange
	for _, name := range fileNames(both) {
		one := fileChange{Name: name, Lines: diff(split(was[name]), split(is[name]))}
		for _, l := range one.Lines {
			switch l.Kind {
			case "add":
				one.Added++
			case "del":
				one.Del++
			}
		}
		out = append(out, one)
	}
	return out
}

func split(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

const (
	about     = 3         // lines shown about a change
	mostCells = 4_000_000 // of the table that finds what two texts share
)

// diff gives the lines that were taken away and added, with some of those
// about them. What two texts share is the longest common sequence of lines;
// texts that are too long for that count as exchanged between the lines they
// begin and end with.
func diff(a, b []string) []ui.CodeLine {
	if slices.Equal(a, b) {
		return nil
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var all []ui.CodeLine
	same := func(number int, text string) { all = append(all, ui.CodeLine{Number: number, Text: text}) }
	for i := range head {
		same(i+1, b[i])
	}
	was, is := a[head:len(a)-tail], b[head:len(b)-tail]
	i, j := 0, 0
	if len(was)*len(is) <= mostCells {
		shared := common(was, is)
		for i < len(was) && j < len(is) {
			switch {
			case was[i] == is[j]:
				same(head+j+1, is[j])
				i, j = i+1, j+1
			case shared[i+1][j] >= shared[i][j+1]:
				all = append(all, ui.CodeLine{Text: was[i], Kind: "del"})
				i++
			default:
				all = append(all, ui.CodeLine{Text: is[j], Kind: "add"})
				j++
			}
		}
	}
	for ; i < len(was); i++ {
		all = append(all, ui.CodeLine{Text: was[i], Kind: "del"})
	}
	for ; j < len(is); j++ {
		all = append(all, ui.CodeLine{Text: is[j], Kind: "add"})
	}
	for k := len(b) - tail; k < len(b); k++ {
		same(k+1, b[k])
	}
	return near(all)
}

// common is the table of the longest common sequences: [i][j] of was[i:] and
// is[j:].
func common(was, is []string) [][]int32 {
	t := make([][]int32, len(was)+1)
	for i := range t {
		t[i] = make([]int32, len(is)+1)
	}
	for i := len(was) - 1; i >= 0; i-- {
		for j := len(is) - 1; j >= 0; j-- {
			if was[i] == is[j] {
				t[i][j] = t[i+1][j+1] + 1
			} else {
				t[i][j] = max(t[i+1][j], t[i][j+1])
			}
		}
	}
	return t
}

// near leaves out what lies far from every change.
func near(all []ui.CodeLine) []ui.CodeLine {
	keep := make([]bool, len(all))
	for i, l := range all {
		if l.Kind != "" {
			for k := max(i-about, 0); k <= min(i+about, len(all)-1); k++ {
				keep[k] = true
			}
		}
	}
	var out []ui.CodeLine
	for i, l := range all {
		switch {
		case keep[i]:
			out = append(out, l)
		case i == 0 || keep[i-1]:
			out = append(out, ui.CodeLine{Kind: "gap"})
		}
	}
	return out
}
