package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Process sets up the process for a server; call it once, before Start.
//
// There are twice as many places to run Go code as processors: decode and
// record hold theirs for long, and whoever has to acknowledge finds another at
// once instead of waiting until one is given up. And memory is collected when
// it has grown threefold instead of twofold: decoded messages are large and
// short-lived, and collecting was a third of their cost (decision 0053).
func Process() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * processors())
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(Growth)
	}
}

// Growth is by how much memory grows before it is collected, in per cent.
const Growth = 200

// Settle gives back what the start needed of memory and left behind.
func Settle() { debug.FreeOSMemory() }

// processors is how many the process may use.
func processors() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// decoders is how many goroutines decode when nobody has said: all processors
// but the one that records.
func decoders(asked int) int {
	if asked > 0 {
		return asked
	}
	return max(1, processors()-1)
}
