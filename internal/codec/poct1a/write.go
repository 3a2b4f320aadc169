package poct1a

import (
	"strings"
	"time"
)

// Header of what an observation reviewer sends.
type Header struct {
	ControlID string
	Made      time.Time
}

// What is sent, as far as public descriptions of devices show it.
const (
	RequestObservations = "ROBS" // REQ.request_cd
	RequestEvents       = "RDEV"
	StartContinuous     = "START_CONTINUOUS" // DTV.command_cd
	SetTime             = "SET_TIME"
	OperatorList        = "OP_LST" // topic
)

type writer struct{ strings.Builder }

// value writes an element with its V.
func (w *writer) value(name, v string) {
	w.WriteString("<" + name + ` V="`)
	for _, r := range v {
		switch r {
		case '&':
			w.WriteString("&amp;")
		case '<':
			w.WriteString("&lt;")
		case '>':
			w.WriteString("&gt;")
		case '"':
			w.WriteString("&quot;")
		default:
			if r >= ' ' && r != 0xFFFE && r != 0xFFFF {
				w.WriteRune(r)
			}
		}
	}
	w.WriteString(`"/>`)
}

func message(kind string, h Header, body func(w *writer)) []byte {
	var w writer
	w.WriteString("<" + kind + "><HDR>")
	w.value("HDR.message_type", kind)
	w.value("HDR.control_id", h.ControlID)
	w.value("HDR.version_id", "POCT1")
	w.value("HDR.creation_dttm", dttm(h.Made))
	w.WriteString("</HDR>")
	if body != nil {
		body(&w)
	}
	w.WriteString("</" + kind + ">")
	return []byte(w.String())
}

func dttm(t time.Time) string { return t.Format("2006-01-02T15:04:05-07:00") }

func group(w *writer, name string, body func()) {
	w.WriteString("<" + name + ">")
	body()
	w.WriteString("</" + name + ">")
}

// WriteAck makes ACK.R01: a message is accepted (AA) or refused (AE) with a note.
func WriteAck(h Header, acknowledges string, accepted bool, note string) []byte {
	return message("ACK.R01", h, func(w *writer) {
		group(w, "ACK", func() {
			code := "AA"
			if !accepted {
				code = "AE"
			}
			w.value("ACK.type_cd", code)
			w.value("ACK.ack_control_id", acknowledges)
			if note != "" {
				w.value("ACK.note_txt", note)
			}
		})
	})
}

// WriteRequest makes REQ.R01.
func WriteRequest(h Header, code string) []byte {
	return message("REQ.R01", h, func(w *writer) {
		group(w, "REQ", func() { w.value("REQ.request_cd", code) })
	})
}

// WriteDirective makes DTV.R01, a directive without more.
func WriteDirective(h Header, command string) []byte {
	return message("DTV.R01", h, func(w *writer) {
		group(w, "DTV", func() { w.value("DTV.command_cd", command) })
	})
}

// WriteSetTime makes DTV.R02 that sets the device's clock.
func WriteSetTime(h Header, to time.Time) []byte {
	return message("DTV.R02", h, func(w *writer) {
		group(w, "DTV", func() { w.value("DTV.command_cd", SetTime) })
		group(w, "TM", func() { w.value("TM.dttm", dttm(to)) })
	})
}

// Operator of an operator list.
type Operator struct{ ID, Name, Level string }

// WriteOperators makes OPL.R01, the whole list of who may use the device.
func WriteOperators(h Header, all []Operator) []byte {
	return message("OPL.R01", h, func(w *writer) {
		for _, o := range all {
			group(w, "OPR", func() {
				w.value("OPR.operator_id", o.ID)
				if o.Name != "" {
					w.value("OPR.name", o.Name)
				}
				group(w, "ACC", func() {
					w.value("ACC.method_cd", "ALL")
					w.value("ACC.permission_level_cd", o.Level)
				})
			})
		}
	})
}

// WriteEndOfTopic makes EOT.R01.
func WriteEndOfTopic(h Header, topic string) []byte {
	return message("EOT.R01", h, func(w *writer) {
		group(w, "EOT", func() { w.value("EOT.topic_cd", topic) })
	})
}

// WriteKeepAlive makes KPA.R01.
func WriteKeepAlive(h Header) []byte { return message("KPA.R01", h, nil) }

// WriteEnd makes END.R01: the conversation is over, NRM for normally.
func WriteEnd(h Header, reason string) []byte {
	return message("END.R01", h, func(w *writer) {
		group(w, "TRM", func() { w.value("TRM.reason_cd", reason) })
	})
}
