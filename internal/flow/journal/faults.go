package journal

import (
	"errors"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ErrLocked is what Files.Lock gives when another process has the lock.
var ErrLocked = errors.New("the folder is locked")

func closedFault() *fault.Fault {
	return fault.New(fault.Transient, "journal.closed", "the journal is closed: the server is stopping; try again when it runs")
}

func waitingFault(err error) *fault.Fault {
	return fault.Wrap(err, fault.Transient, "journal.waiting", "gave up waiting for the disk; whether the frames are kept is not known, send them again")
}

func fullFault(err error, free, floor int64) *fault.Fault {
	return fault.Wrap(err, fault.Transient, "journal.full", "no room for the journal: %d MiB free, %d MiB are kept in reserve; free space or shorten retention, nothing else is needed", free>>20, floor>>20)
}

func syncFault(err error) *fault.Fault {
	return fault.Wrap(err, fault.Transient, "journal.sync", "the disk refused what was written to the journal; nothing of it counts; look at the disk and the kernel's log")
}

func absentFault(seq, head model.Seq) *fault.Fault {
	return fault.New(fault.Absent, "journal.absent", "there is no entry %d; the last is %d", seq, head)
}

func droppedFault(first, last model.Seq) *fault.Fault {
	return fault.New(fault.Absent, "journal.dropped", "entries %d to %d are no longer kept: retention removed their segments", first, last)
}

func rotFault(what string) *fault.Fault {
	return fault.New(fault.Broken, "journal.rot", "the disk does not give back what was written: %s; restore the segment's file from a backup, and look at the disk", what)
}

func openFault(err error, path string) *fault.Fault {
	return fault.Wrap(err, fault.Broken, "journal.open", "cannot open the journal; check that the folder exists, belongs to this user and has room").At(path)
}

func heldFault(id SegmentID) *fault.Fault {
	return fault.New(fault.Conflict, "journal.held", "segment %d is held; release it before it is changed", id)
}
