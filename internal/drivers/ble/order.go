package ble

// order says up to which number all records of a device are durable, and so which
// are to be asked for the next time. A device may tell a new record in the midst of
// those that it is asked for, and go: those behind would never be asked for (R23).
// So a number counts when it follows the last one that does, when a higher one came
// next, or once the device said that it told all. What is asked for a second time
// is recognised in the record.
type order struct {
	last, high int // that came
	some       bool
	all        bool // the device said so over this connection: what comes now comes in order
}

// counts takes the next number that is durable and gives the last one that counts;
// counted was that before, -1 where there was none.
func (o *order) counts(counted, n int) int {
	switch {
	case o.all, n == counted+1:
		counted = max(counted, n)
	case o.some && n > o.last:
		counted = max(counted, o.last)
	}
	o.last, o.high, o.some = n, max(o.high, n), true
	return counted
}

// told says that the device told all it has and that all of it is durable.
func (o *order) told(counted int) int {
	o.all = true
	if o.some {
		counted = max(counted, o.high)
	}
	return counted
}
