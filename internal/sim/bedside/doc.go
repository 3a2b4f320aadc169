// Package bedside is what simulated bedside devices share: how a message goes
// wrong on a line, and serving bytes to whoever connects, as a terminal server
// in front of a serial port does.
package bedside
