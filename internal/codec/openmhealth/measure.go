package openmhealth

// measure says which metric a member of a schema's body is. The evidence is
// what the schema itself refers to (a SNOMED CT or LOINC concept) and says of
// the member; what it leaves open (a sleep's duration has no metric of ours)
// is not here.
type measure struct {
	schema string // without its version: "omh/heart-rate"
	member string // of the body; empty: the body itself
	refid  string // metric of internal/mdc
	loinc  string // where no metric of ours has it
	name   string // of loinc
	unit   string // UCUM, of a member that is a bare number
	by     string // member whose text narrows the metric …
	narrow map[string]string
}

var measures = []measure{
	{schema: "omh/ambient-temperature", member: "ambient_temperature", refid: "MDC_TEMP_ROOM"},
	{schema: "ieee/ambient-temperature", member: "ambient_temperature", refid: "MDC_TEMP_ROOM"},
	{schema: "omh/blood-glucose", member: "blood_glucose", refid: "MDC_CONC_GLU_GEN", by: "specimen_source",
		narrow: map[string]string{"capillary blood": "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "plasma": "MDC_CONC_GLU_UNDETERMINED_PLASMA"}},
	{schema: "omh/blood-pressure", member: "systolic_blood_pressure", refid: "MDC_PRESS_BLD_NONINV_SYS"},
	{schema: "omh/blood-pressure", member: "diastolic_blood_pressure", refid: "MDC_PRESS_BLD_NONINV_DIA"},
	{schema: "omh/systolic-blood-pressure", refid: "MDC_PRESS_BLD_NONINV_SYS"},
	{schema: "omh/diastolic-blood-pressure", refid: "MDC_PRESS_BLD_NONINV_DIA"},
	{schema: "omh/body-fat-percentage", member: "body_fat_percentage", refid: "MDC_BODY_FAT"},
	{schema: "omh/body-height", member: "body_height", refid: "MDC_LEN_BODY_ACTUAL"},
	{schema: "omh/body-mass-index", member: "body_mass_index", refid: "MDC_RATIO_MASS_BODY_LEN_SQ"},
	{schema: "omh/body-temperature", member: "body_temperature", refid: "MDC_TEMP_BODY", by: "measurement_location",
		narrow: map[string]string{"axillary": "MDC_TEMP_AXIL", "oral": "MDC_TEMP_ORAL", "rectal": "MDC_TEMP_RECT", "tympanic": "MDC_TEMP_TYMP"}},
	{schema: "omh/body-weight", member: "body_weight", refid: "MDC_MASS_BODY_ACTUAL"},
	{schema: "omh/expiratory-time", member: "expiratory_time", refid: "MDC_TIME_PD_EXP"},
	{schema: "omh/heart-rate", member: "heart_rate", refid: "MDC_PULS_RATE"}, // SNOMED CT 78564009, pulse rate
	{schema: "omh/inspiratory-time", member: "inspiratory_time", refid: "MDC_TIME_PD_INSP"},
	{schema: "omh/minute-volume", member: "minute_volume", refid: "MDC_VOL_MINUTE_AWAY", by: "minute_volume_type",
		narrow: map[string]string{"inspiratory": "MDC_VOL_MINUTE_AWAY_INSP", "expiratory": "MDC_VOL_MINUTE_AWAY_EXP"}},
	{schema: "omh/oxygen-saturation", member: "oxygen_saturation", refid: "MDC_PULS_OXIM_SAT_O2"},
	{schema: "omh/respiratory-rate", member: "respiratory_rate", refid: "MDC_RESP_RATE"},
	{schema: "omh/step-count", member: "step_count", loinc: "55423-8", name: "Number of steps in unspecified time Pedometer", unit: "{steps}"},
}

// healthKit are the quantities of Apple HealthKit that are metrics of ours. A
// percentage is not among them: HealthKit writes 97 % as 0.97 %.
var healthKit = map[string]measure{
	"HKQuantityTypeIdentifierBodyMass":               {refid: "MDC_MASS_BODY_ACTUAL"},
	"HKQuantityTypeIdentifierHeight":                 {refid: "MDC_LEN_BODY_ACTUAL"},
	"HKQuantityTypeIdentifierHeartRate":              {refid: "MDC_PULS_RATE"},
	"HKQuantityTypeIdentifierRespiratoryRate":        {refid: "MDC_RESP_RATE"},
	"HKQuantityTypeIdentifierBodyTemperature":        {refid: "MDC_TEMP_BODY"},
	"HKQuantityTypeIdentifierBloodGlucose":           {refid: "MDC_CONC_GLU_GEN"},
	"HKQuantityTypeIdentifierBloodPressureSystolic":  {refid: "MDC_PRESS_BLD_NONINV_SYS"},
	"HKQuantityTypeIdentifierBloodPressureDiastolic": {refid: "MDC_PRESS_BLD_NONINV_DIA"},
	"HKQuantityTypeIdentifierStepCount":              {loinc: "55423-8", name: "Number of steps in unspecified time Pedometer", unit: "{steps}"},
}

// units are the units of the schemas in UCUM. They are the "common synonyms"
// of its table, so F is a degree and no farad. A "Ton" is not among them: the
// schema does not say which.
var units = map[string]string{
	"%": "%", "mmHg": "mm[Hg]", "beats/min": "{beats}/min", "breaths/min": "{breaths}/min", "steps": "{steps}",
	"K": "K", "F": "[degF]", "C": "Cel", "mg/dL": "mg/dL", "mmol/L": "mmol/L", "kg/m2": "kg/m2", "kg/m^2": "kg/m2",
	"ps": "ps", "ns": "ns", "us": "us", "ms": "ms", "sec": "s", "min": "min", "h": "h", "d": "d", "wk": "wk", "Mo": "mo", "yr": "a",
	"fm": "fm", "pm": "pm", "nm": "nm", "um": "um", "mm": "mm", "cm": "cm", "m": "m", "km": "km",
	"in": "[in_i]", "ft": "[ft_i]", "yd": "[yd_i]", "mi": "[mi_i]",
	"fg": "fg", "pg": "pg", "ng": "ng", "ug": "ug", "mg": "mg", "g": "g", "kg": "kg", "Metric Ton": "t",
	"gr": "[gr]", "oz": "[oz_av]", "lb": "[lb_av]", "mL/min": "mL/min", "L/min": "L/min",
	// HealthKit's own
	"count/min": "{count}/min", "count": "{count}", "degC": "Cel", "degF": "[degF]",
}

// statistic is a descriptive statistic as FHIR codes it
// (http://terminology.hl7.org/CodeSystem/observation-statistics, R4).
type statistic struct{ name, code string }

const systemStatistic = "http://terminology.hl7.org/CodeSystem/observation-statistics"

var statistics = []statistic{
	{"average", "average"}, {"count", "count"}, {"maximum", "maximum"}, {"median", "median"}, {"minimum", "minimum"},
	{"standard deviation", "std-dev"}, {"sum", "sum"}, {"variance", "variance"},
	{"20th percentile", "20-percent"}, {"80th percentile", "80-percent"},
	{"lower quartile", "4-lower"}, {"upper quartile", "4-upper"}, {"quartile deviation", "4-dev"},
	{"1st quintile", "5-1"}, {"2nd quintile", "5-2"}, {"3rd quintile", "5-3"}, {"4th quintile", "5-4"},
}

// Members that say where on the body was measured.
var sites = []string{"measurement_location", "sensor_body_location"}

// circumstances are members that say how things were when it was measured.
// Each becomes an observation of its own that names what it qualifies.
var circumstances = []string{
	"body_posture", "position_during_measurement", "specimen_source", "blood_specimen_type",
	"temporal_relationship_to_meal", "temporal_relationship_to_sleep", "temporal_relationship_to_physical_activity",
	"descriptive_statistic_denominator", "system", "measurement_method", "minute_volume_type",
	"oxygen_therapy_mode_of_administration", "supplemental_oxygen_flow_rate",
}

// loincOfPosture is "Body position with respect to gravity".
const loincOfPosture = "8361-8"
