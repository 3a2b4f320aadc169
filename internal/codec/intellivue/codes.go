package intellivue

// Kinds of remote operations (DEIPG "ROapdus").
const (
	Invoke = 1 // ROIV_APDU
	Result = 2 // RORS_APDU
	Failed = 3 // ROER_APDU
	Linked = 5 // ROLRS_APDU: a part of a result
)

// States of a linked result (RorlsId); after the last a Result follows.
const (
	LinkedFirst  = 1
	LinkedMiddle = 2
	LinkedLast   = 3
)

// Commands (CMDType).
const (
	CommandEvent          = 0
	CommandConfirmedEvent = 1
	CommandGet            = 3
	CommandSet            = 4
	CommandConfirmedSet   = 5
	CommandAction         = 7 // CMD_CONFIRMED_ACTION
)

// Classes of objects, actions and events (NOM_PART_OBJ).
const (
	ClassEnumeration = 5      // NOM_MOC_VMO_METRIC_ENUM
	ClassNumeric     = 6      // NOM_MOC_VMO_METRIC_NU
	ClassWave        = 9      // NOM_MOC_VMO_METRIC_SA_RT
	ClassMDS         = 33     // NOM_MOC_VMS_MDS
	ClassPatient     = 42     // NOM_MOC_PT_DEMOG
	ClassAlerts      = 54     // NOM_MOC_VMO_AL_MON
	ActionPoll       = 0x0C16 // NOM_ACT_POLL_MDIB_DATA
	ActionPollExt    = 0xF13B // NOM_ACT_POLL_MDIB_DATA_EXT
	EventCreate      = 0x0D06 // NOM_NOTI_MDS_CREAT
	EventConnect     = 0x0D17 // NOM_NOTI_CONN_INDIC
)

// Groups of attributes that a poll asks for; GroupAll is every one.
const (
	GroupAll        = 0
	GroupAlerts     = 0x0801 // NOM_ATTR_GRP_AL_MON
	GroupPatient    = 0x0807 // NOM_ATTR_GRP_PT_DEMOG
	GroupStatic     = 0x0811 // NOM_ATTR_GRP_VMO_STATIC
	GroupProduction = 0x080C // NOM_ATTR_GRP_SYS_PROD
)

// Attributes (NOM_ATTR_…).
const (
	AttrPatientAlarms   = 0x0902 // AL_MON_P_AL_LIST
	AttrTechnicalAlarms = 0x0904 // AL_MON_T_AL_LIST
	AttrAlertCondition  = 0x0916 // DEV_AL_COND
	AttrBedLabel        = 0x091E
	AttrHandle          = 0x0921
	AttrLabel           = 0x0924 // ID_LABEL, a text id
	AttrLabelText       = 0x0927 // ID_LABEL_STRING
	AttrModel           = 0x0928 // ID_MODEL
	AttrProduction      = 0x092D // ID_PROD_SPECN
	AttrType            = 0x092F
	AttrLocale          = 0x0937
	AttrMetricSpec      = 0x093F
	AttrMetricState     = 0x0940
	AttrMode            = 0x0946 // MODE_OP
	AttrCompound        = 0x094B // NU_CMPD_VAL_OBS
	AttrNumeric         = 0x0950 // NU_VAL_OBS
	AttrPatientBSA      = 0x0956
	AttrPatientState    = 0x0957
	AttrPatientBirth    = 0x0958
	AttrPatientID       = 0x095A
	AttrPatientFamily   = 0x095C
	AttrPatientGiven    = 0x095D
	AttrPatientSex      = 0x0961
	AttrPatientType     = 0x0962
	AttrWaveCompound    = 0x0967 // SA_CMPD_VAL_OBS
	AttrSamples         = 0x096D // SA_SPECN
	AttrWave            = 0x096E // SA_VAL_OBS
	AttrScale           = 0x096F // SCALE_SPECN_I16
	AttrSystemID        = 0x0984
	AttrSystemType      = 0x0986
	AttrTimeAbs         = 0x0987
	AttrSamplePeriod    = 0x098D // TIME_PD_SAMP
	AttrTimeRel         = 0x098F
	AttrStampAbs        = 0x0990
	AttrStampRel        = 0x0991
	AttrUnit            = 0x0996
	AttrEnumeration     = 0x099E // VAL_ENUM_OBS
	AttrPatientAge      = 0x09D8
	AttrPatientHeight   = 0x09DC
	AttrPatientWeight   = 0x09DF
	AttrFixedValues     = 0x0A16 // SA_FIXED_VAL_SPECN
	AttrNetAddress      = 0xF100 // NET_ADDR_INFO
	AttrProtocols       = 0xF101 // PCOL_SUPPORT
	AttrPollPeriod      = 0xF13E // TIME_PD_POLL
	AttrNumericPriority = 0xF239 // POLL_NU_PRIO_LIST
	AttrWavePriority    = 0xF23A // POLL_RTSA_PRIO_LIST
	AttrModality        = 0xF294 // METRIC_MODALITY

	attrPollProfile    = 0x0001 // NOM_POLL_PROFILE_SUPPORT, of an association
	attrObjectSupport  = 0x0102 // NOM_MDIB_OBJ_SUPPORT
	attrPollExtensions = 0xF001 // NOM_ATTR_POLL_PROFILE_EXT
)

// Partitions of the nomenclature.
const (
	partObject = 1
	partSCADA  = 2
	partEvent  = 3
	partUnit   = 4
)

// Errors that a monitor answers a request with (ROERapdu).
var errorNames = map[uint16]string{
	0: "no such object class", 1: "no such object", 2: "access denied", 7: "an attribute cannot be read", 8: "an attribute cannot be set",
	9: "no such action", 10: "it could not be carried out", 15: "an argument is invalid", 16: "the scope is invalid", 17: "the object is invalid",
}

// ErrorName tells what an error of a monitor means.
func ErrorName(value uint16) string {
	if s, ok := errorNames[value]; ok {
		return s
	}
	return "an error that is not described"
}

// ClassName names a class of objects for people, types and fields.
func ClassName(class uint16) string {
	switch class {
	case ClassEnumeration:
		return "enumeration"
	case ClassNumeric:
		return "numeric"
	case ClassWave:
		return "wave"
	case ClassMDS:
		return "mds"
	case ClassPatient:
		return "patient"
	case ClassAlerts:
		return "alerts"
	}
	return "object"
}
