package fhir

// clockWords are the terms MDC_TIME_SYNC_… of IEEE 11073-10101 for how a clock is
// set, by what the settings call them.
var clockWords = map[string]uint32{
	"none":  532224,
	"ntp":   532226, // NTP version 4
	"sntp":  532228, // RFC 4330
	"radio": 532230,
	"other": 532236,
	"gps":   532238,
}

// gatewayClock is the term for a setting. By itself a system tells whether its
// clock is synchronised and not by what; 0 where it does not tell.
func gatewayClock(setting string) uint32 {
	if setting != "auto" {
		return clockWords[setting]
	}
	switch yes, told := synchronised(); {
	case !told:
		return 0
	case yes:
		return clockWords["other"]
	}
	return clockWords["none"]
}
