//go:build !linux

package bytelink

import "os"

// openWriter gives nothing: what is written has no deadline here.
func openWriter(string) (*os.File, error) { return nil, nil }
