package service

import (
	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/extract"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/roster"
)

// Names under which callers know what operations answer with; callers do not
// import the rooms behind the door.
type (
	Patient        = patients.Patient
	Device         = register.Device
	DeviceChange   = register.Change
	DeadLetter     = deliver.DeadLetter
	Replay         = deliver.Replay
	ReplayJob      = deliver.Job
	MessageVersion = deliver.Version
	AlertState     = record.AlertState
	Extract        = extract.Standing
	ExtractedFile  = extract.File
	IssueGroup     = record.IssueGroup
	LatestValue    = record.LatestValue
	Trend          = record.Trend
	Samples        = record.Samples
	AuditRecord    = audit.Record
	Role           = access.Role
	APIToken       = access.APIToken
	JournalStat    = journal.Stat
	Deliveries     = deliver.Stats
	JournalSegment = journal.Segment
	SegmentID      = journal.SegmentID
	Job            = register.Job
	JobLine        = register.JobLine
	ImportWhat     = roster.What
	ImportDates    = roster.Dates
	ImportStep     = roster.Step
	ImportProblem  = roster.Problem

	Location = register.Location
	Wish     = register.Wish

	// Versioned is a governed thing with its version and who made it so.
	Versioned[T any] = register.Versioned[T]
)
