package filedrop

import (
	"bytes"
	"path"
	"strings"
	"unicode/utf8"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/fault"
)

// auto as a channel's codec: each file is read as its name's ending says, else
// as its first bytes do.
const auto = "auto"

var byEnding = map[string]string{
	".hl7": "hl7v2", ".er7": "hl7v2", ".oru": "hl7v2", ".adt": "hl7v2", ".csv": "csv", ".json": "json",
	".pdf": "pdf", ".edf": "edf", ".rec": "edf", ".hea": "wfdb",
}

// kindOf gives the codec for a file; empty when nobody knows.
func kindOf(name string, b []byte) string {
	if kind := byEnding[strings.ToLower(path.Ext(name))]; kind != "" {
		return kind
	}
	start := bytes.TrimLeft(b[:min(len(b), 512)], "\ufeff \t\r\n\v")
	switch {
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return "pdf"
	case bytes.HasPrefix(b, []byte("0       ")) && len(b) >= 256:
		return "edf"
	case bytes.HasPrefix(start, []byte("MSH|")), bytes.HasPrefix(start, []byte("FHS|")), bytes.HasPrefix(start, []byte("BHS|")):
		return "hl7v2"
	case bytes.HasPrefix(start, []byte("{")), bytes.HasPrefix(start, []byte("[")):
		return "json"
	}
	return ""
}

// envelope says why a file is not what it should be, as far as a look at its
// frame tells. What stands inside, decoding says.
func envelope(kind string, b []byte) error {
	switch {
	case len(b) == 0:
		return fault.New(fault.Invalid, "filedrop.empty", "the file is empty; have its writer send it again")
	case kind == "":
		return fault.New(fault.Invalid, "filedrop.unknown", "neither the name nor the first bytes say what the file is; name it .hl7, .csv, .json, .pdf, .edf or .hea, or give the channel a codec")
	case kind == "hl7v2":
		if _, err := hl7v2.SplitBatch(b); err != nil {
			return err
		}
	case kind == "pdf" && !bytes.HasPrefix(b, []byte("%PDF-")):
		return fault.New(fault.Invalid, "filedrop.not-pdf", "the file does not begin as a PDF does").At("byte 0")
	case kind == "edf" && !bytes.HasPrefix(b, []byte("0       ")):
		return fault.New(fault.Invalid, "filedrop.not-edf", "the file does not begin as an EDF file does").At("byte 0")
	case (kind == "csv" || kind == "json") && bytes.IndexByte(b, 0) >= 0:
		return fault.New(fault.Invalid, "filedrop.not-text", "the file is no text").At("byte 0")
	}
	return nil
}

// printable makes a name safe for people's eyes: names come from strangers.
func printable(name string) string {
	if !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name, "?")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u202e' {
			return '?'
		}
		return r
	}, name)
}
