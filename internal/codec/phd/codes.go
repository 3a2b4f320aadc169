package phd

// APDU choices (IEEE 11073-20601 annex A.10).
const (
	ChoiceAARQ = 0xE200 // association request
	ChoiceAARE = 0xE300 // association response
	ChoiceRLRQ = 0xE400 // release request
	ChoiceRLRE = 0xE500 // release response
	ChoiceABRT = 0xE600 // abort
	ChoicePRST = 0xE700 // presentation: everything else
	choiceNote = 0x5448 // "TH", our own: what the link says beside
)

// Operations of a presentation APDU (annex A.10.3).
const (
	OpEvent           = 0x0100 // roiv-cmip-event-report
	OpEventConfirmed  = 0x0101
	OpGet             = 0x0103
	OpSet             = 0x0104
	OpSetConfirmed    = 0x0105
	OpAction          = 0x0106
	OpActionConfirmed = 0x0107
	OpEventResult     = 0x0201 // rors-cmip-confirmed-event-report
	OpGetResult       = 0x0203
	OpSetResult       = 0x0205
	OpActionResult    = 0x0207
	OpError           = 0x0300 // roer
	OpReject          = 0x0400 // rorj
)

// Results of an association (annex A.8).
const (
	Accepted              = 0
	RejectedPermanent     = 1
	RejectedTransient     = 2
	AcceptedUnknownConfig = 3
	RejectedNoProtocol    = 4
	RejectedNoParameter   = 5
	RejectedUnknown       = 6
	RejectedUnauthorized  = 7
	RejectedVersion       = 8
)

// Reasons of an abort (annex A.9).
const (
	AbortUndefined     = 0
	AbortOverflow      = 1
	AbortResponse      = 2 // a response did not come in time
	AbortConfiguration = 3 // the configuration did not come in time
)

// Errors (annex A.10.5) and problems (annex A.10.6).
const (
	ErrNoSuchObject      = 1
	ErrAccessDenied      = 2
	ErrNoSuchAction      = 9
	ErrNotAllowed        = 24
	ProblemUnrecognized  = 0
	ProblemBadStructure  = 2
	ProblemUnknownOp     = 101
	ProblemResourceLimit = 103
)

// Protocol of a data-proto, versions and rules (annex A.8).
const (
	Protocol20601           = 20601
	ProtocolExternal        = 65535
	Version1         uint32 = 0x80000000 // of association, protocol, nomenclature
	Version2         uint32 = 0x40000000
	Version3         uint32 = 0x20000000
	RulesMDER        uint16 = 0x8000
	SystemManager    uint32 = 0x80000000
	SystemAgent      uint32 = 0x00800000
	NoEventTime      uint32 = 0xFFFFFFFF // the device has no relative time
	AgentInitiated   uint16 = 0xF000     // data-req-id of what the agent began itself
)

// Classes of objects (MDC_PART_OBJ).
const (
	ClassEnumeration  = 5  // MDC_MOC_VMO_METRIC_ENUM
	ClassNumeric      = 6  // MDC_MOC_VMO_METRIC_NU
	ClassSamples      = 9  // MDC_MOC_VMO_METRIC_SA_RT
	ClassEpisodicScan = 18 // MDC_MOC_SCAN_CFG_EPI
	ClassPeriodicScan = 19 // MDC_MOC_SCAN_CFG_PERI
	ClassStore        = 61 // MDC_MOC_VMO_PMSTORE
	ClassSegment      = 62 // MDC_MOC_PM_SEGMENT
)

// Attributes (MDC_PART_OBJ), as the nomenclature of annex I numbers them.
const (
	AttrConfirmMode    = 2323
	AttrConfirmTimeout = 2324
	AttrInstance       = 2338
	AttrLabel          = 2343
	AttrModel          = 2344
	AttrMetricID       = 2347
	AttrProduction     = 2349
	AttrType           = 2351
	AttrUsageCount     = 2372
	AttrStatus         = 2375
	AttrAccuracy       = 2378
	AttrNuCompound     = 2379
	AttrNu             = 2384
	AttrSegments       = 2385
	AttrOperational    = 2387
	AttrPower          = 2389
	AttrSamples        = 2413
	AttrScale16        = 2415
	AttrScale32        = 2416
	AttrScale8         = 2417
	AttrSegmentUsage   = 2427
	AttrSystemID       = 2436
	AttrTimeAbs        = 2439
	AttrBatteryRemain  = 2440
	AttrSegmentEnd     = 2442
	AttrSamplePeriod   = 2445
	AttrTimeRel        = 2447
	AttrStampAbs       = 2448
	AttrStampRel       = 2449
	AttrSegmentStart   = 2450
	AttrUnit           = 2454
	AttrUnitLabel      = 2457
	AttrBattery        = 2460
	AttrEnum           = 2462
	AttrTimeRelHi      = 2536
	AttrStampRelHi     = 2537
	AttrConfigID       = 2628
	AttrTimeInfo       = 2629
	AttrSpec           = 2630
	AttrSource         = 2631
	AttrSamplesValue   = 2632
	AttrEnumOID        = 2633
	AttrEnumText       = 2634
	AttrCertification  = 2635
	AttrNuBasic        = 2636
	AttrStoreCapable   = 2637
	AttrSegmentMap     = 2638
	AttrSegmentPerson  = 2639
	AttrSegmentFixed   = 2641
	AttrSegmentStatic  = 2642
	AttrScanMap        = 2643
	AttrValueMap       = 2645
	AttrNuSimple       = 2646
	AttrActivePeriod   = 2649
	AttrSpecialisation = 2650
	AttrMetricPart     = 2655
	AttrEnumPart       = 2656
	AttrSupplemental   = 2657
	AttrTransferTime   = 2660
	AttrEnumBits32     = 2661
	AttrEnumBits16     = 2662
	AttrStructure      = 2675
	AttrNuCmpSimple    = 2676
	AttrNuCmpBasic     = 2677
	AttrMetricIDs      = 2678
	AttrScanHandles    = 2679
	AttrSources        = 2681
	AttrTimeBO         = 2689
	AttrStampBO        = 2690
	AttrSegmentStartBO = 2691
	AttrSegmentEndBO   = 2692
	AttrConfidence     = 2700
)

// Actions and notifications (MDC_PART_OBJ).
const (
	ActionClear       = 3084 // MDC_ACT_SEG_CLR
	ActionSegmentInfo = 3085 // MDC_ACT_SEG_GET_INFO
	ActionSetTime     = 3095 // MDC_ACT_SET_TIME
	ActionSetTimeBO   = 3101 // MDC_ACT_SET_BO_TIME
	ActionRequest     = 3099 // MDC_ACT_DATA_REQUEST
	ActionTransfer    = 3100 // MDC_ACT_SEG_TRIG_XFER

	NotiConfig  = 3356
	NotiFixed   = 3357
	NotiVar     = 3358
	NotiMPFixed = 3359
	NotiMPVar   = 3360
	NotiSegment = 3361
	NotiScanVar = 3362 // … 3373: of scanners, unbuffered and buffered
	NotiScanEnd = 3373
)
