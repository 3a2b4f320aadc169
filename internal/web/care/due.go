package care

import (
	"strconv"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// duePage is what is due.
type duePage struct {
	List     service.CareList
	Within   int
	Filtered bool
}

func due(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	p := duePage{Within: 30}
	if n, err := strconv.Atoi(v.Query("within")); err == nil && n > 0 {
		p.Within = min(n, 3650)
	}
	ask := service.CareAsk{
		Text: v.Query("text"), Department: v.Query("department"), Model: v.Query("model"), Plan: v.Query("plan"),
		Kind: service.WorkKind(v.Query("kind")), Overdue: v.Query("overdue") != "", Within: p.Within,
	}
	p.Filtered = v.Request.URL.RawQuery != ""
	if err := v.Call("care.list", ask, &p.List); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(ctx, "Maintenance"), Body: dueBody(p), Actions: dueActions()}, nil
}

// plansPage is the plans and the contracts.
type plansPage struct {
	Plans     []service.Plan
	Contracts []service.Contract
}

func plans(v *ui.Visit) (ui.View, error) {
	var p plansPage
	if err := v.Call("plan.list", nil, &p.Plans); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("contract.list", nil, &p.Contracts); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	return ui.View{Title: ui.T(ctx, "Plans and contracts"), Trail: trail(v), Body: plansBody(p), Actions: plansActions()}, nil
}

func trail(v *ui.Visit) []ui.Link {
	return []ui.Link{{Text: ui.T(v.Context(), "Maintenance"), To: "/care"}}
}
