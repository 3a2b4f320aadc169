package lab

import "thalamus/internal/sim"

// patients are those of some beds, with their blood, so that what the laboratory
// finds belongs to the vital signs that others measure at these beds.
type patients []patient

type patient struct {
	sim.Patient
	blood *sim.Blood
}

// at gives the patient whose turn it is.
func (p *patients) at(beds []sim.Bed, turn int) patient {
	if *p == nil {
		if len(beds) == 0 {
			beds = sim.Beds("SIM", 16)
		}
		for _, bed := range beds {
			*p = append(*p, patient{bed.Patient, bed.Blood()})
		}
	}
	return (*p)[turn%len(*p)]
}
