package relay

import (
	"slices"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func channels(v *ui.Visit) (ui.View, error) {
	var rows []service.ChannelRow
	if err := v.Call("channel.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Channels"), Body: channelsPage(rows), Actions: add("/new/channel", "channel.put", ui.T(v.Context(), "Make a channel"))}, nil
}

// channelView is everything shown of one channel.
type channelView struct {
	Row      service.ChannelRow
	Channel  service.Versioned[model.Channel]
	Kind     service.Kind
	Settings []setting
}

func channel(v *ui.Visit) (ui.View, error) {
	id := service.ID{ID: v.Path("id")}
	var p channelView
	if err := v.Call("channel.get", id, &p.Channel); err != nil {
		return ui.View{}, err
	}
	var rows []service.ChannelRow
	if err := v.Call("channel.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	for _, r := range rows {
		if string(r.ID) == id.ID {
			p.Row = r
		}
	}
	var drivers []service.Kind
	if err := v.Call("driver.list", nil, &drivers); err != nil {
		return ui.View{}, err
	}
	p.Kind = kindOf(drivers, p.Channel.Value.Driver)
	p.Settings = settings(p.Kind.Keys, p.Channel.Value.Settings)
	return ui.View{
		Styles: styles, Title: called(p.Channel.Value.Name, id.ID), Trail: trail(v.Context(), ui.T(v.Context(), "Channels"), "/channels"),
		Body: channelPage(p), Actions: channelActions(p),
	}, nil
}

func enableChannel(v *ui.Visit) (ui.Done, error) {
	return switched(v, "channel.enable", "/channels/"+v.Path("id"), ui.T(v.Context(), "The channel is open."), "disable")
}

func disableChannel(v *ui.Visit) (ui.Done, error) {
	return switched(v, "channel.disable", "/channels/"+v.Path("id"), ui.T(v.Context(), "The channel is closed. What was received stays and goes on."), "enable")
}

// channelForm shows the form of a new channel (?driver=), of one there is, or
// of one of its earlier versions (?from=).
func channelForm(v *ui.Visit) (ui.View, error) {
	f := form{Noun: "channel", ID: v.Path("id")}
	ctx := v.Context()
	if err := v.Call("driver.list", nil, &f.Kinds); err != nil {
		return ui.View{}, err
	}
	c := model.Channel{Driver: v.Query("driver")}
	if len(f.Kinds) == 1 && f.ID == "" {
		c.Driver = f.Kinds[0].Name
	}
	if f.ID != "" {
		now, err := versionWanted[model.Channel](v, "channel")
		if err != nil {
			return ui.View{}, err
		}
		c, f.Version = now.Value, now.Version
	}
	if typed := v.Typed("value.driver"); typed != "" {
		c.Driver = typed
	}
	f.Kind = kindOf(f.Kinds, c.Driver)
	f.Groups = groups(settings(f.Kind.Keys, c.Settings))
	title := ui.T(ctx, "New channel")
	if f.ID != "" {
		title = ui.T(ctx, "Change %s", f.ID)
	}
	return ui.View{Styles: styles, Title: title, Trail: trail(ctx, ui.T(ctx, "Channels"), "/channels"), Body: channelFormPage(f, c)}, nil
}

// versionWanted gives the version in force, with the value of an earlier one
// when the address asks for it.
func versionWanted[T any](v *ui.Visit, noun string) (service.Versioned[T], error) {
	id := service.ID{ID: v.Path("id")}
	var now service.Versioned[T]
	if err := v.Call(noun+".get", id, &now); err != nil {
		return now, err
	}
	from, err := strconv.ParseInt(v.Query("from"), 10, 64)
	if err != nil {
		return now, nil
	}
	var history []service.Versioned[T]
	if err := v.Call(noun+".history", id, &history); err != nil {
		return now, err
	}
	i := slices.IndexFunc(history, func(h service.Versioned[T]) bool { return h.Version == from && !h.Removed })
	if i < 0 {
		return now, fault.New(fault.Absent, "register.absent", "there is no version %d", from)
	}
	now.Value = history[i].Value
	return now, nil
}

func putChannel(v *ui.Visit) (ui.Done, error) {
	var drivers []service.Kind
	if err := v.Call("driver.list", nil, &drivers); err != nil {
		return ui.Done{}, err
	}
	c := model.Channel{
		ID: model.ChannelID(called(v.Path("id"), v.Typed("value.id"))), Name: v.Typed("value.name"), Driver: v.Typed("value.driver"),
		Codec: v.Typed("value.codec"), Zone: v.Typed("value.zone"), Unknown: v.Typed("value.unknown"),
	}
	var before service.Versioned[model.Channel]
	if v.Path("id") != "" {
		if err := v.Call("channel.get", service.ID{ID: v.Path("id")}, &before); err != nil {
			return ui.Done{}, err
		}
		c.Disabled = before.Value.Disabled
	} else if err := unused(v, "channel", string(c.ID)); err != nil {
		return ui.Done{}, err
	}
	kind := kindOf(drivers, c.Driver)
	if c.Codec == "" && len(kind.Codecs) > 0 {
		c.Codec = kind.Codecs[0]
	}
	var err error
	if c.Settings, err = typedSettings(v, kind.Keys, before.Value.Settings); err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("channel.put", service.Put[model.Channel]{Value: c, Version: typedVersion(v), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, atField(err)
	}
	return ui.Done{To: "/channels/" + string(c.ID), Toast: &ui.Toast{Text: ui.T(v.Context(), "The channel %s is in force.", c.ID)}}, nil
}

// unused refuses to make a new thing over one that is there.
func unused(v *ui.Visit, noun, id string) error {
	if id == "" {
		return fault.New(fault.Invalid, "register.id", "give it an id; it stands in addresses and cannot be changed later").At("value.id")
	}
	// Who may put may also get; the answer's type does not matter for its
	// presence.
	err := v.Call(noun+".get", service.ID{ID: id}, nil)
	switch {
	case err == nil:
		return fault.New(fault.Conflict, "register.version", "this id is taken; choose another, or change the one there is").At("value.id")
	case fault.KindOf(err) == fault.Absent:
		return nil
	}
	return err
}
