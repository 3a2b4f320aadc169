// Package bedside is what simulated bedside devices share: taking turns among
// faults, and serving bytes to whoever connects, as a terminal server in front
// of a serial port does.
package bedside
