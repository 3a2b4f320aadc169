package devices

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// cell makes a text harmless in a spreadsheet (decision 88, CWE-1236): what
// would be taken for a formula gets one apostrophe in front, unless it is a
// number.
func cell(text string) string {
	bare := strings.TrimLeft(text, "'")
	if bare == "" || !strings.ContainsRune("=+-@\t\r", rune(bare[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

// csvFile writes rows as RFC 4180 has it.
type csvFile struct{ w *csv.Writer }

func startCSV(w http.ResponseWriter, name string, head ...string) csvFile {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	f := csvFile{csv.NewWriter(w)}
	f.w.UseCRLF = true
	f.row(head...)
	return f
}

func (f csvFile) row(cells ...string) {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = cell(c)
	}
	_ = f.w.Write(safe) // the writer keeps its first error, end gives it
}

func (f csvFile) end() error {
	f.w.Flush()
	return f.w.Error()
}

// everyDevice calls see for each device that is asked for, page by page.
func everyDevice(v *ui.Visit, ask service.DeviceAsk, see func(d *service.DeviceRow)) error {
	ask.After, ask.Limit = "", 1000
	for {
		var l service.List[service.DeviceRow]
		if err := v.Call("device.list", ask, &l); err != nil {
			return err
		}
		for i := range l.Rows {
			see(&l.Rows[i])
		}
		if l.Next == "" {
			return nil
		}
		ask.After = model.DeviceID(l.Next)
	}
}

// listCSV is the register as a file: the columns and filters of the address.
func listCSV(v *ui.Visit, w http.ResponseWriter) error {
	ctx := v.Context()
	shown := chosenColumns(v)
	ask := deviceAsk(v)
	ask.Show, ask.Limit = shownFacts(shown), 1
	if err := v.Call("device.list", ask, nil); err != nil { // a wrong filter is a page, not half a file
		return err
	}
	head := []string{ui.T(ctx, "Id"), ui.T(ctx, "Name"), ui.T(ctx, "Maker"), ui.T(ctx, "Model")}
	for _, c := range shown {
		head = append(head, columnName(ctx, c.Key))
	}
	f := startCSV(w, "devices-"+v.Now.In(v.Zone).Format("2006-01-02"), head...)
	err := everyDevice(v, ask, func(d *service.DeviceRow) {
		cells := []string{string(d.ID), d.Name, d.Manufacturer, d.Model}
		for _, c := range shown {
			cells = append(cells, cellText(ctx, c.Key, d))
		}
		f.row(cells...)
	})
	if err != nil {
		return err
	}
	return f.end()
}
