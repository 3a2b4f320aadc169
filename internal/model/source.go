package model

import "embed"

// Source is the text of this package. The schema of the lines that `thalamus
// decode` prints takes its types from reflection and its words from here.
//
//go:embed decimal.go deliver.go frame.go message.go profile.go who.go
var Source embed.FS
