package admit

import (
	"context"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func pairings(v *ui.Visit) (ui.View, error) {
	var near service.PairingList
	if err := v.Call("pairing.list", service.PairingAsk{}, &near); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Bluetooth devices"), Body: pairingsBody(near.Rows)}, nil
}

// accept is a person's consent: to take a device in, or that the number it
// shows is the one we show.
func accept(v *ui.Visit) (ui.Done, error) {
	why, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	ask := service.PairingAccept{ID: v.Path("id"), Channel: model.ChannelID(v.Path("channel")), Passkey: v.Typed("passkey"), Reason: why}
	if err := v.Call("pairing.accept", ask, nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "You agreed to %s.", ask.ID)}
	if v.May("pairing.refuse") {
		toast.Undo = "/pairings/" + string(ask.Channel) + "/" + ask.ID + "/refuse"
		toast.With = map[string]string{"reason": ui.T(v.Context(), "Consent taken back at once")}
	}
	return ui.Done{To: "/pairings", Toast: toast}, nil
}

func refuse(v *ui.Visit) (ui.Done, error) {
	why, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	ask := service.PairingRefuse{ID: v.Path("id"), Channel: model.ChannelID(v.Path("channel")), Reason: why}
	if err := v.Call("pairing.refuse", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/pairings", Toast: &ui.Toast{Text: ui.T(v.Context(), "%s is refused.", ask.ID)}}, nil
}

// pairingState gives the badge of a state.
func pairingState(ctx context.Context, state string) (kind, text string) {
	switch state {
	case model.PairingWaits:
		return "warn", ui.T(ctx, "Waits for consent")
	case model.PairingConfirm:
		return "warn", ui.T(ctx, "Compare the number")
	case model.PairingAccepted:
		return "info", ui.T(ctx, "Agreed, not connected")
	case model.PairingRuns:
		return "busy", ui.T(ctx, "Pairing")
	case model.PairingBonded:
		return "good", ui.T(ctx, "One of ours")
	case model.PairingRefused:
		return "quiet", ui.T(ctx, "Refused")
	case model.PairingFailed:
		return "bad", ui.T(ctx, "Failed")
	}
	return "quiet", state
}

// asks says whether a person has something to decide.
func asks(state string) bool {
	return state != model.PairingBonded && state != model.PairingAccepted && state != model.PairingRuns
}
