package profiles

import (
	"cmp"
	"slices"
	"strings"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func list(v *ui.Visit) (ui.View, error) {
	var rows []service.ProfileRow
	if err := v.Call("profile.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	key, backwards := v.Sorted("name")
	slices.SortStableFunc(rows, func(a, b service.ProfileRow) int {
		n := 0
		switch key {
		case "devices":
			n = cmp.Compare(a.Devices, b.Devices)
		case "messages":
			n = cmp.Compare(a.Messages, b.Messages)
		case "outside":
			n = cmp.Compare(a.Outside, b.Outside)
		default:
			n = strings.Compare(a.Name, b.Name)
		}
		if backwards {
			return -n
		}
		return n
	})
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Profiles"), Body: listBody(rows), Actions: listActions()}, nil
}

// tried says whether somebody tried a profile on hardware.
func tried(r service.ProfileRow) bool {
	return r.Hardware != "" && !strings.EqualFold(r.Hardware, "never")
}
