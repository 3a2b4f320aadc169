package medibus

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

//go:embed codes.tsv
var codesTSV string

// term is what a code of a page means.
type term struct {
	label, name string
	ucum        string // "text": the value is a text
	shift       int8   // the value is to be taken times ten to this power
	code        *mdc.Term
	source      *mdc.Term // of an alarm: what it is about
}

type codeOf struct{ page, code byte }

var terms = readTerms()

func readTerms() map[codeOf]*term {
	all := map[codeOf]*term{}
	for line := range strings.Lines(codesTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 7 {
			continue
		}
		page, _ := strconv.ParseUint(f[0], 16, 8)
		code, _ := strconv.ParseUint(f[1], 16, 8)
		shift, _ := strconv.Atoi(f[5])
		t := &term{label: f[2], name: f[3], ucum: f[4], shift: int8(shift)}
		event, source, _ := strings.Cut(f[6], " ")
		t.code, _ = mdc.ByRefID(event)
		t.source, _ = mdc.ByRefID(source)
		all[codeOf{byte(page), byte(code)}] = t
	}
	return all
}

// System of the codes, as they are received: page and code, "24.7D".
const System = "MEDIBUS"

func received(page, code byte) model.Coding {
	c := model.Coding{Code: fmt.Sprintf("%02X.%02X", page, code), System: System}
	if t := terms[codeOf{page, code}]; t != nil {
		c.Text = t.label
		if c.Text == "" {
			c.Text = t.name
		}
	}
	return c
}

// standard is the coding of a term of IEEE 11073-10101.
func standard(t *mdc.Term) model.Coding {
	if t == nil {
		return model.Coding{}
	}
	c := model.Coding{Text: t.RefID, System: "MDC"}
	if t.Code != 0 {
		c.Code = strconv.FormatUint(uint64(t.Code), 10)
	}
	return c
}

func unit(ucum string) model.Coding {
	if ucum == "" || ucum == "1" || ucum == "text" {
		return model.Coding{}
	}
	return model.Coding{Code: ucum, System: "UCUM"}
}
