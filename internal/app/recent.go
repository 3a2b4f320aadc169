package app

import (
	"net/url"
	"os"
	"path/filepath"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// recentEntries bounds what is read again at the start of a channel: what a
// sender may send again because the answer was lost with the process.
const recentEntries = 4096

// recent gives the last entries of a channel, for its driver.
func (a *App) recent(channel model.ChannelID, each func(e model.Entry)) {
	from := a.journal.Tail()
	if head := a.journal.Head(); head > recentEntries {
		from = max(from, head-recentEntries+1)
	}
	reader := a.journal.Reader(from)
	defer reader.Close()
	for {
		entries, err := reader.Next(0)
		if err != nil || len(entries) == 0 {
			return // what is damaged is reported where it is read for the record
		}
		for _, e := range entries {
			if e.Channel == channel && !e.Redacted {
				each(e)
			}
		}
	}
}

// linkFolder gives the folder of a channel's driver. Ids of channels have no
// rule but those of a URL's path, so their names are escaped.
func (a *App) linkFolder(channel model.ChannelID) (string, error) {
	name := "channel-" + url.PathEscape(string(channel))
	folder := filepath.Join(a.path("links"), name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fault.Wrap(err, fault.Transient, "app.links", "cannot make the folder in which the channel's driver remembers what it took").At(folder)
	}
	return folder, nil
}
