package phd

import "thalamus/internal/codec/mder"

// Messages are encoded by the medical device encoding rules (IEEE 11073-20601
// annex F).
var unreadable = mder.Faults{Short: "phd.short", Length: "phd.length"}

func read(b []byte) *mder.Reader { return mder.Read(b, 0, unreadable) }
