package acceptance

import (
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// Role is in whose name somebody signs. An account carries it as one of its
// roles.
type Role string

// The roles that sign (R32).
const (
	Biomed   Role = "biomed"   // biomedical engineering
	IT       Role = "it"       // networks and computers
	Security Role = "security" // IT security
	Privacy  Role = "privacy"  // data protection
	Clinical Role = "clinical" // who uses it at the bedside
)

// Roles lists them in the order in which they are asked.
func Roles() []Role { return []Role{Biomed, IT, Security, Privacy, Clinical} }

// Template is what is asked before something may be used, and who signs.
type Template struct {
	ID        string     `json:"id" yaml:"id"`                             // its short name, unique
	Name      string     `json:"name" yaml:"name"`                         // its name for people
	Roles     []Role     `json:"roles" yaml:"roles"`                       // who must sign: each by another person
	Months    int        `json:"months,omitempty" yaml:"months,omitempty"` // an acceptance holds so long; 0: without an end
	Questions []Question `json:"questions" yaml:"questions"`               // in the order in which they are asked
	Note      string     `json:"note,omitempty" yaml:"note,omitempty"`     // what it is for
}

// Question is one thing that is asked.
type Question struct {
	ID   string   `json:"id" yaml:"id"`                         // unique in its template
	Text string   `json:"text" yaml:"text"`                     // what is asked
	Want string   `json:"want,omitempty" yaml:"want,omitempty"` // yes or no: what needs no explanation
	Lead string   `json:"lead,omitempty" yaml:"lead,omitempty"` // the question of MDS2 2019 whose answer is taken over
	MDS2 []string `json:"mds2,omitempty" yaml:"mds2,omitempty"` // further questions of MDS2 2019 that belong to it
	// Watch says which observed behaviour contradicts the answer yes:
	// encrypted (R32).
	Watch string `json:"watch,omitempty" yaml:"watch,omitempty"`
}

// Encrypted in Question.Watch: an unencrypted link contradicts a yes.
const Encrypted = "encrypted"

// DefaultID is the id of the template that every installation has.
const DefaultID = "standard"

// Standard is the template of R32: what hospitals ask of a connected device.
// The questions of MDS2 are those of ANSI/NEMA HN 1-2019.
func Standard() Template {
	return Template{
		ID: DefaultID, Name: "Connected medical device", Roles: []Role{Biomed, IT, Security, Clinical}, Months: 24,
		Note: "What R32 names: the technical evaluation of a connected device before its use.",
		Questions: []Question{
			{ID: "patches", Text: "Does the maker assess vulnerabilities and release security updates in a known cycle?", Want: "yes", Lead: "CSUP-11",
				MDS2: []string{"CSUP-1", "CSUP-2.1", "CSUP-2.2", "CSUP-2.3", "CSUP-2.4", "CSUP-7", "CSUP-8", "CSUP-11.1", "CSUP-11.2"}},
			{ID: "disclosure", Text: "Does the maker have a programme for the disclosure of vulnerabilities?", Want: "yes", Lead: "DOC-8", MDS2: []string{"DOC-9", "RDMP-1"}},
			{ID: "system", Text: "Is its operating system supported by its maker for as long as we mean to use it?", Want: "yes",
				MDS2: []string{"CSUP-2", "DOC-11.1", "DOC-11.2", "RDMP-3", "RDMP-4", "SAHD-1"}},
			{ID: "encryption", Text: "Is what it sends over the network encrypted, and what it stores?", Want: "yes", Lead: "TXCF-2", Watch: Encrypted,
				MDS2: []string{"TXCF-2.1", "TXCF-5", "CONN-7", "CONN-7.1", "STCF-1", "STCF-1.1", "STCF-1.2", "TXIG-1"}},
			{ID: "authentication", Text: "Do people and systems have to authenticate, each with credentials of their own that can be changed?", Want: "yes", Lead: "PAUT-1",
				MDS2: []string{"PAUT-1.1", "PAUT-2", "PAUT-3", "PAUT-4", "PAUT-5", "PAUT-6", "PAUT-8", "PAUT-14.1", "NAUT-1", "NAUT-3", "ALOF-1", "EMRG-1"}},
			{ID: "roles", Text: "Can users be given different rights by their role?", Want: "yes", Lead: "AUTH-2", MDS2: []string{"AUTH-1", "AUTH-1.1", "AUTH-3", "AUTH-4", "SAHD-5.1", "SAHD-6"}},
			{ID: "logs", Text: "Does it record who did what, and can we export that record?", Want: "yes", Lead: "AUDT-2",
				MDS2: []string{"AUDT-1", "AUDT-1.1", "AUDT-2.1", "AUDT-2.2", "AUDT-4.1", "AUDT-4.1.1", "AUDT-5", "AUDT-5.2", "AUDT-6", "AUDT-7"}},
			{ID: "ports", Text: "Are all open ports and protocols listed, and those not needed closed?", Want: "yes", Lead: "CONN-2",
				MDS2: []string{"DOC-10", "CONN-3", "CONN-4", "CONN-5", "CONN-6", "NAUT-2", "SAHD-7", "SAHD-8", "SAHD-9", "SAHD-10"}},
			{ID: "remote", Text: "Can anybody reach it from outside of the house, and is that only with our consent?", Lead: "RMOT-1",
				MDS2: []string{"RMOT-1.1", "RMOT-1.2", "RMOT-1.3", "RMOT-2", "RMOT-3", "CSUP-2.3"}},
			{ID: "backup", Text: "Can its settings and what it stores be backed up and brought back?", Want: "yes", Lead: "DTBK-5",
				MDS2: []string{"DTBK-1", "DTBK-2", "DTBK-3", "DTBK-4", "DTBK-6", "IGAU-1"}},
			{ID: "export", Text: "Which personal information does it keep or give out, how, and can that be exported in a form others read?", Lead: "MPII-2.6",
				MDS2: []string{"MPII-1", "MPII-2", "MPII-2.2", "MPII-2.5", "MPII-3", "MPII-3.3", "MPII-3.5", "MPII-3.6", "MPII-3.7", "DIDT-1"}},
			{ID: "end", Text: "Is its end of support known, and can what it stores be erased when it leaves?", Want: "yes", Lead: "SGUD-2", MDS2: []string{"RDMP-3", "RDMP-4", "MPII-2.8", "DTBK-2"}},
		},
	}
}

// Bounds of a template.
const (
	mostQuestions = 200
	longestText   = 2000 // bytes
)

// Check says what is wrong with a template; its id is checked elsewhere.
func (t Template) Check() error {
	wrong := func(place, text string, args ...any) error {
		return fault.New(fault.Invalid, "acceptance.template", text, args...).At(place)
	}
	switch {
	case strings.TrimSpace(t.Name) == "":
		return wrong("name", "a template needs a name that people know it by")
	case len(t.Questions) == 0 || len(t.Questions) > mostQuestions:
		return wrong("questions", "a template has 1 to %d questions", mostQuestions)
	case len(t.Roles) == 0:
		return wrong("roles", "somebody must sign; name at least one role of %v", Roles())
	case t.Months < 0 || t.Months > 600:
		return wrong("months", "an acceptance holds for 1 to 600 months, or without an end where nothing is said")
	case len(t.Name) > longestText || len(t.Note) > longestText:
		return wrong("name", "no more than %d bytes are allowed here", longestText)
	}
	for i, r := range t.Roles {
		if !slices.Contains(Roles(), r) || slices.Contains(t.Roles[:i], r) {
			return wrong(fmt.Sprintf("roles[%d]", i), "the roles that sign are %v, each once", Roles())
		}
	}
	seen := map[string]bool{}
	for i, q := range t.Questions {
		place := fmt.Sprintf("questions[%d]", i)
		switch {
		case !plain(q.ID) || seen[q.ID]:
			return wrong(place+".id", "a question needs an id of its own of up to 40 lower-case letters, digits and -")
		case strings.TrimSpace(q.Text) == "" || len(q.Text) > longestText:
			return wrong(place+".text", "a question needs a text of at most %d bytes", longestText)
		case q.Want != "" && q.Want != string(Yes) && q.Want != string(No):
			return wrong(place+".want", "want is %q; expected yes, no or nothing", clip(q.Want))
		case q.Watch != "" && q.Watch != Encrypted:
			return wrong(place+".watch", "watch is %q; expected encrypted or nothing", clip(q.Watch))
		case len(q.MDS2) > mostQuestions:
			return wrong(place+".mds2", "no more than %d questions of MDS2 belong to one of ours", mostQuestions)
		}
		seen[q.ID] = true
	}
	return nil
}

// Question gives the question with an id.
func (t Template) Question(id string) (Question, bool) {
	for _, q := range t.Questions {
		if q.ID == id {
			return q, true
		}
	}
	return Question{}, false
}

func plain(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
