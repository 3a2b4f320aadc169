package app

import (
	"sync"

	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/ucum"
)

func labelsInForce(rows []register.Versioned[model.Label]) *normalise.Labels {
	all := make([]normalise.VersionedLabel, len(rows))
	for i := range rows {
		all[i] = normalise.VersionedLabel{Label: rows[i].Value, Version: rows[i].Version}
	}
	return normalise.NewLabels(all)
}

// nearest remembers which metrics are most like a label: a device that sends
// one nobody knows sends it every second.
type nearest struct {
	mu    sync.RWMutex
	known map[asked][]mdc.Candidate
}

type asked struct{ label, unit string }

// mostRemembered bounds what hostile senders can make us keep.
const mostRemembered = 4096

func (n *nearest) find(label string, u *ucum.Unit) []mdc.Candidate {
	k := asked{label: label}
	if u != nil {
		k.unit = u.Code()
	}
	n.mu.RLock()
	found, ok := n.known[k]
	n.mu.RUnlock()
	if ok {
		return found
	}
	found = mdc.Nearest(label, u, normalise.Candidates)
	n.mu.Lock()
	if n.known == nil || len(n.known) >= mostRemembered {
		n.known = map[asked][]mdc.Candidate{}
	}
	n.known[k] = found
	n.mu.Unlock()
	return found
}
