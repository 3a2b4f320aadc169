// Package zeek reads the connection log of Zeek (conn.log), as tab-separated
// text with its header or as JSON, a row a line. The address that began a
// connection is the originator (id.orig_h), the port that of the responder.
//
// Evidence: docs.zeek.org, "conn.log" and the ASCII writer: #separator,
// #unset_field and #fields at the head; conn_state S0, REJ, RSTOS0 and SH tell
// of attempts that were not answered.
package zeek

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/imports/flowset"
	"thalamus/internal/model"
)

// longest is how long a line may be, in bytes.
const longest = 1 << 20

// Read reads a log. Lines that cannot be read are told of and left out. The
// error is fault.Invalid, code imports.format, for what is no connection log.
func Read(r io.Reader) (model.FlowFile, error) {
	set := flowset.New(model.FromZeek)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), longest)
	h := header{separator: "\t", unset: "-", empty: "(empty)"}
	n, understood := 0, false
	for lines.Scan() {
		n++
		line := bytes.TrimRight(lines.Bytes(), "\r")
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case line[0] == '#':
			h.read(string(line))
			if h.path != "" && h.path != "conn" {
				return model.FlowFile{}, fault.New(fault.Invalid, "imports.format", "this is Zeek's %s.log; give its conn.log", clip(h.path)).At("file")
			}
		case line[0] == '{':
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				set.Bad(n, "this is not JSON")
				continue
			}
			if add(set, n, func(name string) string { return text(row[name]) }) {
				understood = true
			}
		case h.fields == nil:
			set.Bad(n, "a row comes before the names of its fields (#fields)")
		default:
			cells := strings.Split(string(line), h.separator)
			if len(cells) != len(h.fields) {
				set.Bad(n, "it has "+strconv.Itoa(len(cells))+" fields, not "+strconv.Itoa(len(h.fields)))
				continue
			}
			if add(set, n, func(name string) string { return h.cell(cells, name) }) {
				understood = true
			}
		}
	}
	if err := lines.Err(); err != nil {
		set.Bad(n+1, "the line is longer than 1 MiB, or the file breaks off; nothing after it was read")
	}
	if !understood && (set.File.Wrong > 0 || h.fields == nil && n > 0) {
		why := "no line of it is one of a connection log"
		if len(set.File.Bad) > 0 {
			why = "line " + strconv.Itoa(set.File.Bad[0].Row) + ": " + set.File.Bad[0].Text
		}
		return model.FlowFile{}, fault.New(fault.Invalid, "imports.format", "this is no conn.log of Zeek (%s)", why).At("file")
	}
	return set.Done(), nil
}

// header is what the lines with # say.
type header struct {
	separator, unset, empty, path string
	fields                        []string
}

func (h *header) read(line string) {
	if text, ok := strings.CutPrefix(line, "#separator "); ok {
		if code, ok := strings.CutPrefix(text, `\x`); ok {
			if b, err := strconv.ParseUint(code, 16, 8); err == nil {
				h.separator = string(rune(b))
			}
		} else if text != "" {
			h.separator = text
		}
		return
	}
	parts := strings.Split(line, h.separator)
	switch parts[0] {
	case "#fields":
		h.fields = slices.Clone(parts[1:])
	case "#unset_field":
		h.unset = strings.Join(parts[1:], "")
	case "#empty_field":
		h.empty = strings.Join(parts[1:], "")
	case "#path":
		h.path = strings.Join(parts[1:], "")
	}
}

func (h *header) cell(cells []string, name string) string {
	i := slices.Index(h.fields, name)
	if i < 0 || cells[i] == h.unset || cells[i] == h.empty {
		return ""
	}
	return cells[i]
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// add takes one row; false when it could not be read.
func add(set *flowset.Set, n int, get func(string) string) bool {
	from, ok := flowset.Address(get("id.orig_h"))
	to, ok2 := flowset.Address(get("id.resp_h"))
	if !ok || !ok2 {
		set.Bad(n, "id.orig_h or id.resp_h is no address")
		return false
	}
	first, ok := instant(get("ts"))
	if !ok {
		set.Bad(n, "ts is no time")
		return false
	}
	protocol := strings.ToLower(get("proto"))
	if protocol == "" || len(protocol) > 20 {
		set.Bad(n, "proto is missing")
		return false
	}
	f := model.Flow{From: from, To: to, Protocol: protocol, First: first, Last: first, Count: 1, FromMAC: flowset.MAC(get("orig_l2_addr")), ToMAC: flowset.MAC(get("resp_l2_addr"))}
	if d, err := strconv.ParseFloat(get("duration"), 64); err == nil && d > 0 && d < 10*365*86400 {
		f.Last = first.Add(time.Duration(d * float64(time.Second)))
	}
	if protocol != "icmp" { // there the ports are type and code
		port, err := strconv.ParseUint(get("id.resp_p"), 10, 16)
		if err != nil {
			set.Bad(n, "id.resp_p is no port")
			return false
		}
		f.Port = uint16(port)
	}
	if protocol == "tcp" && slices.Contains([]string{"S0", "REJ", "RSTOS0", "SH"}, get("conn_state")) {
		set.File.Rows++
		set.File.Unanswered++
		return true
	}
	f.App, f.Encrypted = service(strings.ToLower(get("service")))
	if f.App == "" {
		f.App = flowset.ByPort(protocol, f.Port)
	}
	set.Add(f)
	return true
}

// service reads what Zeek says is spoken, "ssl,http" where several layers are.
func service(text string) (app, encrypted string) {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "-")
		if one == "" || len(one) > 40 {
			continue
		}
		if flowset.Encrypted(one) == "yes" {
			encrypted = "yes"
		} else if encrypted == "" {
			encrypted = flowset.Encrypted(one)
		}
		if app == "" || app == "ssl" {
			app = one
		}
	}
	if app == "ssl" {
		app = "tls"
	}
	return app, encrypted
}

// instant reads seconds since 1970 with a fraction, or ISO 8601.
func instant(text string) (time.Time, bool) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		whole, part := math.Modf(s)
		if math.IsNaN(s) || math.Abs(whole) > 1e11 {
			return time.Time{}, false
		}
		// A double holds microseconds of today, and nothing finer.
		return flowset.Unix(int64(whole), int64(math.Round(part*1e6))*1000)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, false
	}
	return flowset.Unix(t.Unix(), int64(t.Nanosecond()))
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
