// Package faults is the catalogue of what goes wrong with simulated devices,
// their links, and the server and receivers around them (R58), and the one way
// in which simulators go wrong.
//
// A simulator keeps a Plan for each device. It dials through the plan, or wraps
// its connection with it, and so has every fault of links. It calls Next before
// each new message, not before one that is sent again, and asks the Turn that it
// gets what is wrong with what it is about to say: Turn.Clock for times, Turn.Is
// for what only its own encoding can do wrong. After an acknowledgement it asks
// Again, and Pause keeps its rhythm. What it can do wrong is its line in Kinds.
//
//	plan := set.Plan()
//	for {
//		turn := plan.Next()
//		b := encode(turn.Clock(time.Now()), body.Next().With(turn))
//		deliver(b)                // over plan.Dial, until it is acknowledged
//		if turn.Again() { deliver(b) }
//		if !plan.Pause(ctx, rhythm) { return }
//	}
package faults
