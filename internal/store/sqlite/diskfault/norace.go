//go:build !race

package diskfault

const underRace = false
