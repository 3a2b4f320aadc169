package letters

import (
	"slices"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// replay shows one replay: how far it is and, where messages were read again,
// what they say now.
func replay(v *ui.Visit) (ui.View, error) {
	id, err := strconv.ParseUint(v.Path("id"), 10, 64)
	if err != nil {
		return ui.View{}, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a replay")
	}
	var p service.ReplayPage
	if err := v.Call("replay.get", service.ReplayID{ID: id}, &p); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	return ui.View{
		Styles: []string{"relay.css"}, Title: ui.T(ctx, "Replay %d", id), Body: replayBody(p),
		Trail: []ui.Link{{Text: ui.T(ctx, "Replays"), To: "/replays"}},
	}, nil
}

func underWay(p service.ReplayPage) bool {
	return slices.ContainsFunc(p.Jobs, func(j service.ReplayJob) bool { return !j.Done })
}
