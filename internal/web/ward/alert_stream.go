package ward

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

const (
	// alertPause is the least time between two readings of the page.
	alertPause = 2 * time.Second
	// silenceEvery is how often the stream looks whether a source fell silent.
	silenceEvery = 10 * time.Second
)

// alertStream tells the alerts page to read itself again: when a report of an
// alert was recorded, and when a source fell silent or spoke again. It carries
// nothing of a patient.
func alertStream(v *ui.Visit, w http.ResponseWriter) error {
	ctx, cancel := context.WithTimeout(v.Context(), streamFor)
	defer cancel()
	watcher, err := v.Door.Watch(ctx)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	silent, err := silentNow(v)
	if err != nil {
		return err
	}
	conn, err := websocket.Accept(w, v.Request, nil)
	if err != nil {
		return nil // Accept has answered
	}
	defer conn.CloseNow()
	ctx = conn.CloseRead(ctx)
	pause, look := time.NewTicker(alertPause), time.NewTicker(silenceEvery)
	defer pause.Stop()
	defer look.Stop()
	again := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-watcher.C:
			again = again || hasAlerts(m)
		case <-look.C:
			if !mayGoOn(v, conn) || conn.Ping(ctx) != nil {
				return nil
			}
			now, err := silentNow(v)
			if err != nil {
				return nil // the page opens the stream anew, and is told why it may not
			}
			again = again || now != silent
			silent = now
		case <-pause.C:
			if !again {
				continue
			}
			again = false
			if !mayGoOn(v, conn) || !write(ctx, conn, &news{Now: time.Now().UnixMilli(), Again: true}) {
				return nil
			}
		}
	}
}

func hasAlerts(m *model.Message) bool {
	for i := range m.Alerts {
		if !m.Alerts[i].Heartbeat {
			return true
		}
	}
	return false
}

// silentNow names the sources that are silent, to be compared.
func silentNow(v *ui.Visit) (string, error) {
	var list []service.AlarmSource
	if v.May("alert.sources") {
		if err := v.Call("alert.sources", service.SourceAsk{Silent: true}, &list); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	for i := range list {
		b.WriteString(string(list[i].Device))
		b.WriteByte(' ')
	}
	return b.String(), nil
}
