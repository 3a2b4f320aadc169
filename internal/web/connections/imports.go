package connections

import (
	"context"
	"io"
	"net/http"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// importView is the form, and what came of a file.
type importView struct {
	Done *service.FlowImported
}

func importPage(v *ui.Visit) (ui.View, error) { return importViewOf(v, importView{}), nil }

func importViewOf(v *ui.Visit, p importView) ui.View {
	return ui.View{
		Title: ui.T(v.Context(), "Import connections"), Body: importBody(p), Styles: styles,
		Trail: []ui.Link{{Text: ui.T(v.Context(), "Connections"), To: "/connections"}},
	}
}

// importFile reads a file; it is kept only when that was asked for.
func importFile(v *ui.Visit) (ui.Done, error) {
	r := v.Request
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		if err == http.ErrNotMultipart {
			return ui.Done{}, fault.New(fault.Invalid, "web.form", "choose a file").At("file")
		}
		return ui.Done{}, fault.Wrap(err, fault.Invalid, "web.too-big", "the file did not arrive whole, or is larger than %d MB; cut it into parts, or compress it with gzip", importLimit>>20).At("file")
	}
	defer r.MultipartForm.RemoveAll()
	v.Form = r.MultipartForm.Value
	ask := service.FlowImport{Kind: v.Typed("kind"), Keep: v.Typed("keep") != "", Reason: v.Typed("reason")}
	file, _, err := r.FormFile("file")
	if err != nil {
		return ui.Done{}, fault.New(fault.Invalid, "web.form", "choose a file").At("file")
	}
	defer file.Close()
	if ask.File, err = io.ReadAll(file); err != nil {
		return ui.Done{}, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
	}
	var p importView
	p.Done = &service.FlowImported{}
	if err := v.Call("flow.import", ask, p.Done); err != nil {
		return ui.Done{}, err
	}
	view := importViewOf(v, p)
	return ui.Done{View: &view}, nil
}

func kindOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "zeek", Text: ui.T(ctx, "Zeek: conn.log, as text or JSON")}, {Value: "nmap", Text: ui.T(ctx, "nmap: XML, made with -oX")},
		{Value: "netflow", Text: ui.T(ctx, "NetFlow 5 and 9, IPFIX: packets in a file or a capture")}, {Value: "pcap", Text: ui.T(ctx, "Capture: pcap or pcapng")},
	}
}
