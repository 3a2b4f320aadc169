package recorddb

import (
	"strconv"

	"thalamus/internal/model"
)

// codeIs says whether a person who asks for code means this one: by RefID,
// MDC number or LOINC, or the code as sent.
func codeIs(c model.Code, received model.Coding, code string) bool {
	return code == c.RefID || code == received.Code || code == c.Key() ||
		c.LOINC != "" && code == c.LOINC || c.MDC != 0 && code == strconv.FormatUint(uint64(c.MDC), 10)
}
