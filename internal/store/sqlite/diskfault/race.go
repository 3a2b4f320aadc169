//go:build race

package diskfault

// underRace: an ordeal is one goroutine, in which the race detector finds
// nothing, and takes ten times as long with it.
const underRace = true
