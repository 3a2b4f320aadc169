// Package medibus simulates a Dräger ventilator that speaks MEDIBUS over a
// line of bytes: initialisation, identity, measured values of both code pages,
// alarm limits, alarms, settings, text messages, date and time, and realtime
// curves (R58).
//
// It is written from what is public of "MEDIBUS for Intensive Care Devices"
// and "MEDIBUS.X": how OpenICE and VSCaptureDrgVent read real ventilators. No
// hardware was seen, and the driver was written by somebody else.
package medibus
