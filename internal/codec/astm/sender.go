package astm

import (
	_ "embed"
	"strconv"
	"strings"

	"thalamus/internal/model"
)

//go:embed senders.tsv
var sendersTSV string

// senderRow is what a row of senders.tsv says of H-5.
type senderRow struct {
	component                            int
	text                                 string
	manufacturer, model, release, serial string // a component's number, or a text in quotes
}

var senders = readSenders(sendersTSV)

func readSenders(tsv string) []senderRow {
	var out []senderRow
	for line := range strings.Lines(tsv) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 6 || strings.HasPrefix(line, "#") {
			continue
		}
		at, text, _ := strings.Cut(f[0], "=")
		n, _ := strconv.Atoi(at)
		out = append(out, senderRow{n, text, f[1], f[2], f[3], f[4]})
	}
	return out
}

func (r *senderRow) fits(parts []string) bool {
	if r.component > len(parts) {
		return false
	}
	got := parts[r.component-1]
	if begin, ok := strings.CutSuffix(r.text, "*"); ok {
		return strings.HasPrefix(got, begin)
	}
	return got == r.text
}

// pick gives what a cell of the table stands for.
func pick(cell string, parts []string) string {
	if text, ok := strings.CutPrefix(cell, `"`); ok {
		return strings.TrimSuffix(text, `"`)
	}
	n, err := strconv.Atoi(cell)
	if err != nil || n < 1 || n > len(parts) {
		return ""
	}
	return parts[n-1]
}

// device reads the instrument out of H-5. Senders fill it as they like: those
// of the table are read as it says; of others the first component is taken for
// the model, and nothing for a serial number (a profile may say more).
func device(sender Element, properties string) model.Device {
	d := model.Device{Field: "H-5", Parent: -1, Level: "mds"}
	components := sender.Reps()[0].Components()
	parts := make([]string, len(components))
	for i, c := range components {
		parts[i] = c.Text()
	}
	d.Model = parts[0]
	for i := range senders {
		if r := &senders[i]; r.fits(parts) {
			d.Manufacturer, d.Model = pick(r.manufacturer, parts), pick(r.model, parts)
			d.Release, d.Serial = pick(r.release, parts), pick(r.serial, parts)
			break
		}
	}
	if d.Serial == "" {
		d.Identifiers = byPort(properties)
	}
	return d
}

// byPort is how a device without a serial number is told from others: by the
// serial port it is plugged into, as the link says (R6).
func byPort(properties string) []model.Identifier {
	for line := range strings.Lines(properties) {
		if port, ok := strings.CutPrefix(line, "port: "); ok {
			return []model.Identifier{{Value: strings.TrimSpace(port), Type: "port"}}
		}
	}
	return nil
}
