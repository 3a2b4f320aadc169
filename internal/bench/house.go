package bench

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// house is a made-up hospital: so many devices of 200 models in 60 wards, each
// with what an inventory tells of it.
type house struct {
	devices int
	terms   sim.Terms
}

const (
	houseModels = 200
	houseMakers = 40
	houseWards  = 60
	houseOwners = 9
)

func (h *house) serial(i int) string { return fmt.Sprintf("SN-%06d", i) }
func (h *house) asset(i int) string  { return fmt.Sprintf("INV-%06d", i) }
func (h *house) maker(i int) string  { return "Maker " + strconv.Itoa(i%houseMakers) }
func (h *house) model(i int) string  { return "Model " + strconv.Itoa(i%houseModels) }
func (h *house) ward(i int) string   { return "Ward " + strconv.Itoa(i%houseWards) }
func (h *house) owner(i int) string  { return "Clinic " + strconv.Itoa(i%houseOwners) }
func (h *house) address(i int) string {
	return fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255)
}

// columns is the head of the inventory.
func (h *house) columns() []string {
	return []string{"Serial", "Manufacturer", "Model", "Asset Tag", "Ward", "Room", "Purchase Date", "MAC", "IP address", "Owner"}
}

func (h *house) row(i int) []string {
	return []string{
		h.serial(i), h.maker(i), h.model(i), h.asset(i), h.ward(i), strconv.Itoa(i % 30), fmt.Sprintf("20%02d-%02d-%02d", 10+i%15, 1+i%12, 1+i%28),
		fmt.Sprintf("02-00-00-%02X-%02X-%02X", i>>16, i>>8&255, i&255), h.address(i), h.owner(i),
	}
}

// table is the inventory as CSV, packed.
func (h *house) table() ([]byte, error) {
	var text bytes.Buffer
	packed := gzip.NewWriter(&text)
	w := csv.NewWriter(packed)
	w.Comma = ';'
	_ = w.Write(h.columns()) // it tells of errors when it is flushed
	for i := range h.devices {
		_ = w.Write(h.row(i))
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, writing(err)
	}
	if err := packed.Close(); err != nil {
		return nil, writing(err)
	}
	return text.Bytes(), nil
}

func writing(err error) error {
	return fault.Wrap(err, fault.Broken, "bench.decode", "the inventory cannot be written")
}

// workbook is the inventory as .xlsx (ISO/IEC 29500-1, texts in the cells).
func (h *house) workbook() ([]byte, error) {
	const main, relations = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	part := func(name string, write func(w io.Writer) error) error {
		w, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err = io.WriteString(w, xml.Header); err != nil {
			return err
		}
		return write(w)
	}
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	sheet := func(w io.Writer) error {
		if err := text(`<worksheet xmlns="` + main + `"><sheetData>`)(w); err != nil {
			return err
		}
		for i := -1; i < h.devices; i++ {
			cells := h.columns()
			if i >= 0 {
				cells = h.row(i)
			}
			var row strings.Builder
			fmt.Fprintf(&row, `<row r="%d">`, i+2)
			for k, c := range cells {
				fmt.Fprintf(&row, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+k, i+2, c)
			}
			row.WriteString(`</row>`)
			if err := text(row.String())(w); err != nil {
				return err
			}
		}
		return text(`</sheetData></worksheet>`)(w)
	}
	parts := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"[Content_Types].xml", text(`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`)},
		{"_rels/.rels", text(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`)},
		{"xl/workbook.xml", text(`<workbook xmlns="` + main + `" xmlns:r="` + relations + `"><sheets><sheet name="Devices" sheetId="1" r:id="rId1"/></sheets></workbook>`)},
		{"xl/_rels/workbook.xml.rels", text(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + relations + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`)},
		{"xl/worksheets/sheet1.xml", sheet},
	}
	for _, p := range parts {
		if err := part(p.name, p.write); err != nil {
			return nil, writing(err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, writing(err)
	}
	return out.Bytes(), nil
}

// models is what an inventory tells of the models.
func (h *house) models() []byte {
	var b strings.Builder
	b.WriteString("Manufacturer;Model;Support ends;Risk class\n")
	for i := range houseModels {
		fmt.Fprintf(&b, "%s;%s;20%02d-06-30;IIb\n", h.maker(i), h.model(i), 25+i%8)
	}
	return []byte(b.String())
}

// Of so many devices one names a patient and speaks for itself; the others
// stand behind a gateway, which tells of all of them in one message. One of so
// many sends a code that nobody knows.
const (
	houseWithPatient = 50
	houseUnknown     = 100
)

// templates are the messages of the house: of each 50 devices one that names a
// patient, and one of a gateway that tells of the rest. Of each device they tell
// maker, model, serial number and one number. sightings is how many devices
// each tells of.
func (h *house) templates() (all []*template, sightings []int) {
	for first := 0; first < h.devices; first += houseWithPatient {
		all, sightings = append(all, h.template(first, 1)), append(sightings, 1)
		if rest := min(houseWithPatient, h.devices-first) - 1; rest > 0 {
			all, sightings = append(all, h.template(first+1, rest)), append(sightings, rest)
		}
	}
	return all, sightings
}

// template is the message of some devices that follow each other.
func (h *house) template(first, devices int) *template {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Format(stampForm)
	digits := strings.Repeat("~", controlDigits)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r", args...) }
	name := "R" + strconv.Itoa(first) + "-"
	line(`MSH|^~\&|BENCH|HOUSE|||%s+0000||ORU^R01^ORU_R01|%s%s|P|2.6|||AL|NE`, at, name, digits)
	if first%houseWithPatient == 0 {
		line("PID|||P%06d^^^HOUSE^MR||Bench^Patient", first)
	}
	line("OBR|1|||%s|||%s+0000", h.terms["MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"], at)
	for n := 1; n <= devices; n++ {
		i := first + n - 1
		line("OBX|%d||%s|%d.0.0.0|||||||X|||||||%s", 3*n-2, h.terms["MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"], n, h.serial(i))
		line("OBX|%d|ST|%s|%d.0.0.1|%s^%s||||||R", 3*n-1, h.terms["MDC_ATTR_ID_MODEL"], n, h.maker(i), h.model(i))
		code := h.terms["MDC_PULS_OXIM_SAT_O2"]
		if i%houseUnknown == 0 {
			code = "1^BENCH^99BENCH"
		}
		line("OBX|%d|NM|%s|%d.1.1.1|%d|%s|||||R", 3*n, code, n, 90+i%10, h.terms["MDC_DIM_PERCENT"])
	}
	t := &template{wire: mllpframe.Append(nil, []byte(b.String())), name: name}
	t.controls = places(t.wire, []byte(digits))
	t.stamps = places(t.wire, []byte(at))
	return t
}

// fleet is the messages of the house over a few connections. rounds is how often
// each is to be sent so that the devices are heard as often as asked; the
// numbers of what is sent then are given beside.
func (h *house) fleet(address string, connections, wanted int) (f *fleet, messages, sightings, observations int64) {
	all, told := h.templates()
	rounds := max(1, wanted/h.devices)
	f = &fleet{address: address, senders: make([]*sender, min(connections, len(all)))}
	for i := range f.senders {
		f.senders[i] = &sender{}
	}
	for i, t := range all {
		s := f.senders[i%len(f.senders)]
		s.monitors = append(s.monitors, []*template{t})
		f.bytes += t.bytes()
		sightings += int64(rounds * told[i])
		observations += int64(rounds * t.observations())
	}
	f.bytes /= len(all)
	f.observed = int(observations) / (rounds * len(all))
	for _, s := range f.senders {
		s.most = int64(rounds * len(s.monitors))
	}
	return f, int64(rounds * len(all)), sightings, observations
}

// connections is a log of who talked to whom: each device to one of 40
// servers, one connection in ten of them unencrypted, count in all.
func (h *house) connections(count int) []byte {
	var b bytes.Buffer
	b.WriteString("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n")
	b.WriteString("#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state\n")
	b.WriteString("#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring\n")
	began := float64(time.Now().Add(-time.Hour).Unix())
	for i := range count {
		port, service := 443, "ssl"
		if i%10 == 0 {
			port, service = 80, "http"
		}
		fmt.Fprintf(&b, "%f\tC%d\t%s\t%d\t172.16.0.%d\t%d\ttcp\t%s\tSF\n", began+float64(i)/100, i, h.address(i%h.devices), 40000+i%20000, i/h.devices+i%40, port, service)
	}
	return b.Bytes()
}

// config is what is governed: a service in each ward and one that needs a
// model, networks and what is approved, maintenance by plan.
func (h *house) config(modelID func(i int) string) string {
	var b strings.Builder
	b.WriteString(channelText)
	b.WriteString("services:\n")
	for i := range houseWards {
		fmt.Fprintf(&b, "  - {id: ward-%d, name: Monitoring of %s, critical: life, needs: [{kind: place, id: %s, least: 4}]}\n", i, h.ward(i), h.ward(i))
	}
	fmt.Fprintf(&b, "  - {id: infusion, name: Infusion, critical: harm, needs: [{kind: model, id: %s, least: 10}, {kind: channel, id: in}]}\n", modelID(0))
	b.WriteString("segments:\n  - {id: medical, ranges: [10.0.0.0/8]}\n  - {id: servers, ranges: [172.16.0.0/16]}\n")
	b.WriteString("plans:\n")
	for i := 0; i < houseModels; i += 4 {
		fmt.Fprintf(&b, "  - {id: yearly-%d, name: Yearly inspection, kind: preventive, models: [%s], months: 12}\n", i, modelID(i))
	}
	return b.String()
}
