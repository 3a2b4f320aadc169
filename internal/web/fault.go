package web

import (
	"thalamus/internal/fault"
	"thalamus/internal/web/ui"
)

// faultView is the page a fault becomes.
func faultView(v *ui.Visit, f *fault.Fault) ui.View {
	ctx := v.Context()
	title := ui.T(ctx, "That did not work")
	switch f.Kind {
	case fault.Absent:
		title = ui.T(ctx, "Not found")
	case fault.Denied:
		title = ui.T(ctx, "Not allowed")
	case fault.Conflict:
		title = ui.T(ctx, "It changed meanwhile")
	case fault.Transient:
		title = ui.T(ctx, "Not possible at the moment")
	case fault.Broken:
		title = ui.T(ctx, "Something is broken")
	}
	return ui.View{Title: title, Body: faultBody(f)}
}

func onward(v *ui.Visit) ui.View {
	return ui.View{Title: ui.T(v.Context(), "One moment"), Body: onwardBody(v)}
}
