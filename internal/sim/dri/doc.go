// Package dri simulates a GE Datex-Ohmeda S/5 monitor on its serial port with
// the Datex Record Interface: records of what is displayed and of the trends,
// alarms, and waves, each when a computer asks for them (R58).
//
// It is written from what is public of the "S/5 Computer Interface" and "S/5
// DRI" specifications: the structures and requests of VSCapture and of other
// programs that read real monitors. No hardware was seen, and the driver was
// written by somebody else.
package dri
