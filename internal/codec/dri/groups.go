package dri

import "strings"

// field of a group: its place behind the group's begin, name, unit, power of ten
// and term. A term that begins with "@" depends on the group's label or status.
type field struct {
	at    int
	label string
	name  string
	ucum  string
	shift int8
	refid string
}

// group of values within a class, at a place behind the subrecord's time.
type group struct {
	class  int
	at     int
	name   string
	header int // where its status and label stand; -1: 0 of the class
	fields []field
}

// special values (DATA_INVALID and those below -32001).
const lowestValid = -32000

func pressure(n string) []field {
	return []field{{6, n + " sys", "Invasive pressure, systolic", "mm[Hg]", -2, "@P_SYS"}, {8, n + " dia", "Invasive pressure, diastolic", "mm[Hg]", -2, "@P_DIA"}, {10, n + " mean", "Invasive pressure, mean", "mm[Hg]", -2, "@P_MEAN"},
		{12, n + " PR", "Pulse rate of the pressure", "/min", 0, "MDC_BLD_PULS_RATE_INV"}}
}

func temperature(n string) []field {
	return []field{{6, n, "Temperature", "Cel", -2, "@T"}}
}

func oximetry(n string) []field {
	return []field{{6, n, "Oxygen saturation", "%", -2, "MDC_PULS_OXIM_SAT_O2"}, {8, n + " PR", "Pulse rate", "/min", 0, "MDC_PULS_OXIM_PULS_RATE"}, {10, n + " IR", "Modulation", "", 0, ""}, {12, n + " SO2", "Saturation by the label", "%", -2, "@S"}}
}

func eeg(n string, at int) []field {
	return []field{{at, n + " ampl", "EEG amplitude", "uV", -1, ""}, {at + 2, n + " SEF", "EEG, spectral edge frequency", "Hz", -1, "MDC_EEG_FREQ_PWR_SPEC_CRTX_SPECTRAL_EDGE"}, {at + 4, n + " MF", "EEG, median frequency", "Hz", -1, ""},
		{at + 6, n + " delta", "EEG, delta band", "%", 0, "MDC_EEG_PWR_SPEC_DELTA_REL"}, {at + 8, n + " theta", "EEG, theta band", "%", 0, "MDC_EEG_PWR_SPEC_THETA_REL"}, {at + 10, n + " alpha", "EEG, alpha band", "%", 0, "MDC_EEG_PWR_SPEC_ALPHA_REL"},
		{at + 12, n + " beta", "EEG, beta band", "%", 0, "MDC_EEG_PWR_SPEC_BETA_REL"}, {at + 14, n + " BSR", "Burst suppression ratio", "%", 0, "MDC_EEG_PAROX_CRTX_BURST_SUPPRN"}}
}

func ecg12() (out []field) {
	for i, lead := range [...]string{"I", "II", "III", "AVL", "AVR", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"} {
		out = append(out, field{6 + 2*i, "ST " + lead, "ST segment", "mm", -2, "MDC_ECG_AMPL_ST_" + lead})
	}
	return out
}

// groups of the classes basic and extended 1 to 3 (structs of dri_phdb).
var groups = []group{
	{0, 0, "ECG", 0, []field{{6, "HR", "Heart rate", "/min", 0, "@HR"}, {8, "ST1", "ST segment", "mm", -2, "@ST0"}, {10, "ST2", "ST segment", "mm", -2, "@ST4"}, {12, "ST3", "ST segment", "mm", -2, "@ST8"}, {14, "RR imp", "Respiratory rate, impedance", "/min", 0, "MDC_TTHOR_RESP_RATE"}}},
	{0, 16, "P1", 16, pressure("P1")}, {0, 30, "P2", 30, pressure("P2")}, {0, 44, "P3", 44, pressure("P3")}, {0, 58, "P4", 58, pressure("P4")},
	{0, 72, "NIBP", 72, []field{{6, "NIBP sys", "Non-invasive pressure, systolic", "mm[Hg]", -2, "MDC_PRESS_BLD_NONINV_SYS"}, {8, "NIBP dia", "Non-invasive pressure, diastolic", "mm[Hg]", -2, "MDC_PRESS_BLD_NONINV_DIA"}, {10, "NIBP mean", "Non-invasive pressure, mean", "mm[Hg]", -2, "MDC_PRESS_BLD_NONINV_MEAN"}, {12, "NIBP PR", "Pulse rate", "/min", 0, "MDC_PULS_RATE_NON_INV"}}},
	{0, 86, "T1", 86, temperature("T1")}, {0, 94, "T2", 94, temperature("T2")}, {0, 102, "T3", 102, temperature("T3")}, {0, 110, "T4", 110, temperature("T4")},
	{0, 118, "SpO2", 118, oximetry("SpO2")},
	{0, 132, "CO2", 132, []field{{6, "CO2 et", "End-tidal carbon dioxide", "%", -2, "MDC_CONC_AWAY_CO2_ET"}, {8, "CO2 fi", "Inspired carbon dioxide", "%", -2, "MDC_CONC_AWAY_CO2_INSP"}, {10, "CO2 RR", "Respiratory rate", "/min", 0, "MDC_CO2_RESP_RATE"}, {12, "Pamb", "Ambient pressure", "mm[Hg]", -1, ""}}},
	{0, 146, "O2", 146, []field{{6, "O2 et", "End-tidal oxygen", "%", -2, "MDC_CONC_AWAY_O2_ET"}, {8, "O2 fi", "Inspired oxygen", "%", -2, "MDC_CONC_AWAY_O2_INSP"}}},
	{0, 156, "N2O", 156, []field{{6, "N2O et", "End-tidal nitrous oxide", "%", -2, "MDC_CONC_AWAY_N2O_ET"}, {8, "N2O fi", "Inspired nitrous oxide", "%", -2, "MDC_CONC_AWAY_N2O_INSP"}}},
	{0, 166, "AA", 166, []field{{6, "AA et", "Anaesthetic agent, end-tidal", "%", -2, "@AA_ET"}, {8, "AA fi", "Anaesthetic agent, inspired", "%", -2, "@AA_INSP"}, {10, "MAC", "MAC sum", "", -2, "MDC_CONC_MAC"}}},
	{0, 178, "flow", 178, []field{{6, "RR", "Respiratory rate, spirometry", "/min", 0, "MDC_RESP_RATE"}, {8, "Ppeak", "Peak pressure", "cm[H2O]", -2, "MDC_PRESS_AWAY_INSP_MAX"}, {10, "PEEP", "PEEP", "cm[H2O]", -2, "MDC_PRESS_AWAY_END_EXP_POS"}, {12, "Pplat", "Plateau pressure", "cm[H2O]", -2, "MDC_PRESS_RESP_PLAT"},
		{14, "TVinsp", "Tidal volume, inspired", "mL", -1, "MDC_VOL_AWAY_TIDAL_INSP"}, {16, "TVexp", "Tidal volume, expired", "mL", -1, "MDC_VOL_AWAY_TIDAL_EXP"}, {18, "Compl", "Compliance", "mL/cm[H2O]", -2, "MDC_COMPL_LUNG"}, {20, "MVexp", "Minute volume, expired", "L/min", -2, "MDC_VENT_VOL_MINUTE_EXP"}}},
	{0, 200, "CO", 200, []field{{6, "C.O.", "Cardiac output", "mL/min", 0, "MDC_OUTPUT_CARD"}, {8, "Tblood", "Blood temperature, as sent", "", 0, ""}, {10, "RVEF", "Right heart ejection fraction, as sent", "", 0, ""}, {12, "PCWP", "Wedge pressure", "mm[Hg]", -2, "MDC_PRESS_BLD_ART_PULM_WEDGE"}}},
	{0, 214, "NMT", 214, []field{{6, "T1%", "Neuromuscular transmission, first twitch", "%", -1, ""}, {8, "TOF%", "Train-of-four ratio", "%", -1, ""}}},
	{0, 226, "ECG extra", 0, []field{{0, "HR ECG", "Heart rate of the ECG", "/min", 0, ""}, {2, "HR max", "Greatest heart rate", "/min", 0, ""}, {4, "HR min", "Least heart rate", "/min", 0, ""}}},
	{0, 232, "SvO2", 232, []field{{6, "SvO2", "Oxygen saturation, mixed venous", "%", -2, "MDC_SAT_O2_VEN"}}},
	{0, 240, "P5", 240, pressure("P5")}, {0, 254, "P6", 254, pressure("P6")},

	{1, 0, "arrhythmia", 0, []field{{6, "aECG HR", "Heart rate, arrhythmia analysis", "/min", 0, ""}, {8, "aECG RR", "RR interval, as sent", "", 0, ""}, {10, "PVC", "Ventricular extrasystoles, as sent", "", 0, ""}}},
	{1, 48, "ECG 12", 48, ecg12()},
	{1, 78, "P7", 78, pressure("P7")}, {1, 92, "P8", 92, pressure("P8")}, {1, 106, "SpO2 2", 106, oximetry("SpO2 2")}, {1, 120, "T5", 120, temperature("T5")}, {1, 128, "T6", 128, temperature("T6")},

	{2, 0, "NMT 2", 0, []field{{6, "TOF count", "Train-of-four count", "", 0, ""}}},
	{2, 24, "EEG", 24, append(append(append(append([]field{{6, "FEMG", "Frontal electromyography", "uV", -1, ""}}, eeg("EEG1", 8)...), eeg("EEG2", 24)...), eeg("EEG3", 40)...), eeg("EEG4", 56)...)},
	{2, 96, "BIS", 96, []field{{6, "BIS", "Bispectral index", "", 0, "MDC_EEG_BISPECTRAL_INDEX"}, {8, "BIS SQI", "Signal quality index", "%", 0, "MDC_EEG_SIGNAL_QUALITY_INDEX"}, {10, "BIS EMG", "Electromyogram, as sent", "", 0, ""}, {12, "BIS SR", "Suppression ratio", "%", 0, ""}}},
	{2, 112, "entropy", 112, []field{{6, "SE", "State entropy", "", 0, "MDC_EEG_ENTROPY_STATE"}, {8, "RE", "Response entropy", "", 0, "MDC_EEG_ENTROPY_RESPONSE"}, {10, "entropy BSR", "Burst suppression ratio, entropy", "%", 0, ""}}},

	{3, 0, "gas exchange", 0, []field{{6, "VO2", "Oxygen consumption", "mL/min", -1, "MDC_FLOW_O2_CONSUMP"}, {8, "VCO2", "Carbon dioxide production", "mL/min", -1, "MDC_FLOW_CO2_PROD_RESP"}, {10, "EE", "Energy expenditure", "kcal/d", 0, ""}, {12, "RQ", "Respiratory quotient, as sent", "", 0, ""}}},
	{3, 14, "flow 2", 14, []field{{6, "PEEPi", "Intrinsic PEEP", "cm[H2O]", -2, "MDC_PRESS_AWAY_END_EXP_POS_INTRINSIC"}, {8, "Pmean", "Mean airway pressure", "cm[H2O]", -2, "MDC_VENT_PRESS_AWAY_MEAN"}, {10, "Raw", "Airway resistance, as sent", "", 0, ""}, {12, "MVinsp", "Minute volume, inspired", "L/min", -2, "MDC_VENT_VOL_MINUTE_INSP"},
		{14, "PEEPe", "Extrinsic PEEP", "cm[H2O]", -2, ""}, {16, "MVspo", "Minute volume, spontaneous", "L/min", -2, ""}}},
	{3, 60, "balance gas", 60, []field{{6, "Bal et", "Balance gas, expired", "%", -2, ""}, {8, "Bal fi", "Balance gas, inspired", "%", -2, ""}}},
	{3, 92, "AA 2", 92, []field{{6, "MAC age", "MAC sum by age, as sent", "", 0, ""}}},
	{3, 116, "delta P", 116, []field{{6, "SPV", "Systolic pressure variation", "mm[Hg]", -2, ""}, {8, "PPV", "Pulse pressure variation", "%", -2, ""}}},
}

// pressures by label: the stem of the terms.
var pressures = map[uint16]string{1: "MDC_PRESS_BLD_ART", 2: "MDC_PRESS_BLD_VEN_CENT", 3: "MDC_PRESS_BLD_ART_PULM", 4: "MDC_PRESS_BLD_ATR_RIGHT", 5: "MDC_PRESS_BLD_VENT_RIGHT", 6: "MDC_PRESS_BLD_ATR_LEFT", 7: "MDC_PRESS_INTRA_CRAN",
	8: "MDC_PRESS_BLD_ART_ABP", 16: "MDC_PRESS_BLD_ART_FEMORAL", 17: "MDC_PRESS_BLD_ART_UMB"}

// labels of pressures, for people.
var pressureLabels = [...]string{"", "ART", "CVP", "PA", "RAP", "RVP", "LAP", "ICP", "ABP", "P1", "P2", "P3", "P4", "P5", "P6", "SP", "FEM", "UAC"}

// temperatures by label.
var temperatures = map[uint16]string{1: "MDC_TEMP_ESOPH", 2: "MDC_TEMP_NASOPH", 3: "MDC_TEMP_TYMP", 4: "MDC_TEMP_RECT", 6: "MDC_TEMP_AXIL", 7: "MDC_TEMP_SKIN", 8: "MDC_TEMP_AWAY", 9: "MDC_TEMP_ROOM", 10: "MDC_TEMP_MYO", 15: "MDC_TEMP_CORE"}

// agents by label.
var agents = map[uint16]string{2: "MDC_CONC_AWAY_HALOTH", 3: "MDC_CONC_AWAY_ENFL", 4: "MDC_CONC_AWAY_ISOFL", 5: "MDC_CONC_AWAY_DESFL", 6: "MDC_CONC_AWAY_SEVOFL"}

var leads = [...]string{"", "I", "II", "III", "AVR", "AVL", "AVF", "V"}

// term finds what a field means, by its group's status and label.
func (f *field) term(status uint32, label uint16) string {
	kind, ok := strings.CutPrefix(f.refid, "@")
	if !ok {
		return f.refid
	}
	switch {
	case kind == "HR": // its source is told by status bits 3 to 6
		switch status >> 3 & 15 {
		case 6:
			return "MDC_PULS_OXIM_PULS_RATE"
		case 2, 3, 4, 5, 7, 8:
			return "MDC_BLD_PULS_RATE_INV"
		}
		return "MDC_ECG_HEART_RATE"
	case strings.HasPrefix(kind, "ST"):
		if i := int(label >> (kind[2] - '0') & 15); i > 0 && i < len(leads) {
			return "MDC_ECG_AMPL_ST_" + leads[i]
		}
		return ""
	case strings.HasPrefix(kind, "P_"):
		stem := pressures[label]
		if stem == "" {
			stem = "MDC_PRESS_BLD"
		}
		return stem + kind[1:]
	case kind == "T":
		if t := temperatures[label]; t != "" {
			return t
		}
		return "MDC_TEMP"
	case kind == "S":
		switch label & 3 {
		case 1:
			return "MDC_SAT_O2_ART"
		case 2:
			return "MDC_SAT_O2_VEN"
		}
		return ""
	case strings.HasPrefix(kind, "AA_"):
		if a := agents[label]; a != "" {
			return a + kind[2:]
		}
		return "MDC_CONC_AWAY_AGENT" + kind[2:]
	}
	return ""
}

// wave is a kind of waveform: its rate, unit and scale.
type wave struct {
	label string
	rate  int
	ucum  string
	shift int8
	refid string
}

// waves by the type of their subrecord.
var waves = map[byte]wave{
	1: {"ECG1", 300, "uV", 0, "MDC_ECG_ELEC_POTL"}, 2: {"ECG2", 300, "uV", 0, "MDC_ECG_ELEC_POTL"}, 3: {"ECG3", 300, "uV", 0, "MDC_ECG_ELEC_POTL"},
	4: {"INVP1", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"}, 5: {"INVP2", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"}, 6: {"INVP3", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"}, 7: {"INVP4", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"},
	8: {"PLETH", 100, "%", -2, "MDC_PULS_OXIM_PLETH"}, 9: {"CO2", 25, "%", -2, "MDC_CONC_AWAY_CO2"}, 10: {"O2", 25, "%", -2, "MDC_CONC_AWAY_O2"}, 11: {"N2O", 25, "%", -2, "MDC_CONC_AWAY_N2O"}, 12: {"AA", 25, "%", -2, "MDC_CONC_AWAY_AGENT"},
	13: {"AWP", 25, "cm[H2O]", -1, "MDC_PRESS_AWAY"}, 14: {"FLOW", 25, "L/min", -1, "MDC_FLOW_AWAY"}, 15: {"RESP", 25, "Ohm", -2, "MDC_RESP"}, 16: {"INVP5", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"}, 17: {"INVP6", 100, "mm[Hg]", -2, "MDC_PRESS_BLD"},
	18: {"EEG1", 100, "uV", -1, "MDC_EEG_ELEC_POTL_CRTX"}, 19: {"EEG2", 100, "uV", -1, "MDC_EEG_ELEC_POTL_CRTX"}, 20: {"EEG3", 100, "uV", -1, "MDC_EEG_ELEC_POTL_CRTX"}, 21: {"EEG4", 100, "uV", -1, "MDC_EEG_ELEC_POTL_CRTX"},
	32: {"ENT", 100, "uV", -1, "MDC_EEG_ELEC_POTL_CRTX"},
}

// WaveKind gives the type and samples a second of a waveform by its name.
func WaveKind(name string) (kind byte, rate int, ok bool) {
	for k, w := range waves {
		if w.label == name {
			return k, w.rate, true
		}
	}
	return 0, 0, false
}
