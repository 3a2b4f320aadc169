package register

import (
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/depend"
)

// Services is the set of clinical and technical services (R30).
func Services() Set[model.Service] {
	return Set[model.Service]{
		Kind:  "service",
		id:    func(s model.Service) string { return string(s.ID) },
		check: checkService,
	}
}

func checkService(s model.Service) error {
	if strings.TrimSpace(s.Name) == "" {
		return fault.New(fault.Invalid, "register.incomplete", "a service needs a name that people know it by").At("name")
	}
	for _, f := range []struct{ key, text string }{{"name", s.Name}, {"department", s.Department}, {"owner", s.Owner}, {"contact", s.Contact}, {"fallback", s.Fallback}} {
		if len(f.text) > 500 {
			return fault.New(fault.Invalid, "register.incomplete", "no more than 500 bytes are allowed here").At(f.key)
		}
	}
	if critical := []string{"", "life", "harm", "delay", "nuisance"}; !slices.Contains(critical, s.Critical) {
		return fault.New(fault.Invalid, "register.incomplete", "critical is %q; expected what happens when it stops: life, harm, delay or nuisance", clip(s.Critical)).At("critical")
	}
	if len(s.Needs) > 200 {
		return fault.New(fault.Invalid, "register.incomplete", "a service may need 200 things at most; divide it into several services").At("needs")
	}
	for _, n := range s.Needs {
		if !slices.Contains(depend.Kinds(), n.Kind) || n.ID == "" {
			return fault.New(fault.Invalid, "register.incomplete", "a need is a kind and an id; the kinds are %s", strings.Join(depend.Kinds(), ", ")).At("needs")
		}
		if n.Least < 0 || n.Least > 0 && n.Kind != "model" && n.Kind != "place" {
			return fault.New(fault.Invalid, "register.incomplete", "least says how many devices of a model or at a place must work; leave it out elsewhere").At("needs")
		}
	}
	return nil
}
