package bulk

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/web/ui"
)

// table reads what a form brought: a file, else a text that was pasted.
func table(v *ui.Visit) (name string, body []byte, err error) {
	r := v.Request
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		if errors.Is(err, http.ErrNotMultipart) {
			return "", nil, fault.New(fault.Invalid, "web.form", "choose a file, or paste a table").At("file")
		}
		return "", nil, fault.Wrap(err, fault.Invalid, "web.too-big", "the file did not arrive whole, or is larger than %d MB; cut it into parts, or compress it with gzip", largest>>20).At("file")
	}
	defer r.MultipartForm.RemoveAll()
	v.Form = r.MultipartForm.Value
	file, head, err := r.FormFile("file")
	if err != nil {
		// A form's text ends its lines as HTML has it; a table is read with both.
		if text := v.Form.Get("table"); strings.TrimSpace(text) != "" {
			return ui.T(v.Context(), "pasted table"), []byte(text), nil
		}
		return "", nil, fault.New(fault.Invalid, "web.form", "choose a file, or paste a table").At("file")
	}
	defer file.Close()
	if body, err = io.ReadAll(file); err != nil {
		return "", nil, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
	}
	return head.Filename, body, nil
}
