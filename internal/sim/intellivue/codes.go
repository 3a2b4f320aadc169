package intellivue

// Session headers, the first byte of a message (PIPG p. 67, 72, 73).
const (
	sessionConnect    = 0x0D
	sessionAccept     = 0x0E
	sessionRefuse     = 0x0C
	sessionFinish     = 0x09
	sessionDisconnect = 0x0A
	sessionAbort      = 0x19
	sessionExport     = 0xE1
)

// Remote operations and commands (PIPG p. 43, 44).
const (
	roInvoke = 1
	roResult = 2
	roError  = 3
	roLinked = 5

	cmdEvent          = 0
	cmdConfirmedEvent = 1
	cmdGet            = 3
	cmdConfirmedSet   = 5
	cmdAction         = 7

	linkedFirst  = 1
	linkedMiddle = 2
	linkedLast   = 3
)

// Errors of a remote operation.
const (
	errNoClass  = 0
	errNoAction = 9
	errArgument = 15
)

// Partitions of the nomenclature.
const (
	partObject = 1
	partSCADA  = 2
)

// Object classes.
const (
	classNumeric = 0x0006
	classWave    = 0x0009
	classMDS     = 0x0021
	classPatient = 0x002A
	classAlerts  = 0x0036
)

// Attribute groups; 0 stands for all.
const (
	groupAlerts  = 0x0801
	groupValue   = 0x0803
	groupPatient = 0x0807
	groupSysAppl = 0x080A
	groupSysID   = 0x080B
	groupSysProd = 0x080C
	groupDynamic = 0x0810
	groupStatic  = 0x0811
)

// Attributes.
const (
	attrPAlarms     = 0x0902
	attrTAlarms     = 0x0904
	attrAltitude    = 0x090C
	attrArea        = 0x090D
	attrAlarmState  = 0x0916
	attrResolution  = 0x0917
	attrAssociation = 0x091D
	attrBedLabel    = 0x091E
	attrHandle      = 0x0921
	attrLabel       = 0x0924
	attrLabelString = 0x0927
	attrModel       = 0x0928
	attrProduction  = 0x092D
	attrType        = 0x092F
	attrLineFreq    = 0x0935
	attrLocal       = 0x0937
	attrMetricSpec  = 0x093F
	attrMetricState = 0x0940
	attrMode        = 0x0946
	attrNomVersion  = 0x0948
	attrCompound    = 0x094B
	attrNumeric     = 0x0950
	attrPatState    = 0x0957
	attrPatBorn     = 0x0958
	attrPatID       = 0x095A
	attrPatFamily   = 0x095C
	attrPatGiven    = 0x095D
	attrPatSex      = 0x0961
	attrPatType     = 0x0962
	attrSampleSpec  = 0x096D
	attrSamples     = 0x096E
	attrScale       = 0x096F
	attrSystemID    = 0x0984
	attrSystemSpec  = 0x0985
	attrSystemType  = 0x0986
	attrTimeAbs     = 0x0987
	attrSamplePd    = 0x098D
	attrTimeRel     = 0x098F
	attrStampAbs    = 0x0990
	attrUnit        = 0x0996
	attrMDSState    = 0x09A7
	attrPatHeight   = 0x09DC
	attrPatWeight   = 0x09DF
	attrFixed       = 0x0A16
	attrPatPaced    = 0x0A1E

	attrNetAddress   = 0xF100
	attrProtocols    = 0xF101
	attrPollPeriod   = 0xF13E
	attrNumericPrios = 0xF239
	attrWavePrios    = 0xF23A
	attrPollProfile  = 0x0001
	attrObjects      = 0x0102
	attrPollExt      = 0xF001
)

// Events and actions.
const (
	eventMDSCreate = 0x0D06
	eventConnect   = 0x0D17
	actionPoll     = 0x0C16
	actionPollExt  = 0xF13B
	deviceMonitor  = 4429 // NOM_DEV_MON_PHYSIO_MULTI_PARAM_MDS
)

// Units.
const (
	unitNone    = 512
	unitPercent = 544
	unitCm      = 1297
	unitKg      = 1731
	unitBeats   = 2720
	unitBreaths = 2784
	unitMmHg    = 3872
	unitMV      = 4274
	unitOhm     = 4288
	unitCelsius = 6048
)

// What is measured.
const (
	physECG   = 0x0102
	physHR    = 0x4182
	physPulse = 0x4822
	physNBP   = 0x4A04
	physABP   = 0x4A14
	physTemp  = 0x4B48
	physPerf  = 0x4BB0
	physPleth = 0x4BB4
	physSpO2  = 0x4BB8
	physResp  = 0x5000
	physRR    = 0x500A
)

// States of a measurement: any bit of the first byte makes it invalid
// (PIPG p. 76).
const (
	stateInvalid = 0x8000
	stateAlarm   = 0x0002
)

// Alerts (PIPG p. 97 to 100). The lowest bit of an alert's code says of which
// partition its source is: 0 SCADA, 1 objects.
const (
	alertLow       = 62
	alertHigh      = 40
	alertSensorOff = 308
	priorityYellow = 0x0200
	priorityTech   = 0x0001
	alertText      = 516 // NOM_ATTR STR_ALMON_INFO
)

// Negotiation of polls (PIPG p. 69 to 71).
const (
	pollDynamic  = 0x60000000
	extNumeric   = 0x80000000
	extAverages  = 0x70000000
	extWaves     = 0x08000000
	extPriority  = 0x02000000
	maxTransfer  = 1364
	minTransfer  = 300
	ticksSecond  = 8000 // RelativeTime counts eighths of a millisecond
	blockTicks   = 2048 // waves come in blocks of 256 ms
	contextEvery = 4    // one object's context in each fourth block or so: 1024 ms, PIPG p. 287
)
