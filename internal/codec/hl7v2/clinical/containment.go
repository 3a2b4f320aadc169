package clinical

import (
	"strings"

	"thalamus/internal/mdc"
)

// node is one place in the tree that OBX-4 spans: a device (MDS, VMD,
// channel) or a metric (IHE PCD TF vol. 2 §B.8.4: MDS.VMD.CHAN.METRIC, devices
// with trailing zeros).
type node struct {
	sub    string    // devices without trailing ".0"
	term   *mdc.Term // may be nil
	device int       // index in Message.Devices, -1 for a metric
	wave   int       // index in decoder.waves, -1
	before int       // 1 + index of the node of its kind before it, 0 for none
}

// containment finds nodes by OBX-4. Few nodes are searched one by one, many
// by a map, so that cost stays linear.
type containment struct {
	nodes  []node
	metric map[string]int
	system map[string]int
	kinds  [2]kind // metrics, devices
}

// kind is what is known of all metrics, or all devices.
type kind struct {
	lengths uint64 // how long their places are, one bit a length modulo 64
	last    int    // 1 + index of the latest, 0 for none
}

const fewNodes = 48

func (c *containment) init(segments int) {
	*c = containment{nodes: make([]node, 0, min(segments, fewNodes))}
}

func (c *containment) add(n node) {
	i, k := len(c.nodes), c.of(n.device >= 0)
	n.before, k.last = k.last, i+1
	k.lengths |= 1 << (len(n.sub) & 63)
	c.nodes = append(c.nodes, n)
	switch {
	case c.metric != nil:
		c.put(i)
	case len(c.nodes) > fewNodes:
		c.metric, c.system = map[string]int{}, map[string]int{}
		for i := range c.nodes {
			c.put(i)
		}
	}
}

func (c *containment) put(i int) {
	if n := &c.nodes[i]; n.device >= 0 {
		c.system[n.sub] = i
	} else {
		c.metric[n.sub] = i
	}
}

func (c *containment) of(device bool) *kind {
	if device {
		return &c.kinds[1]
	}
	return &c.kinds[0]
}

// find gives the latest node at sub, a device or a metric. Most that is asked
// for is not there, and no place is as long: metrics rarely stand above others.
func (c *containment) find(sub string, device bool) *node {
	k := c.of(device)
	if k.lengths&(1<<(len(sub)&63)) == 0 {
		return nil
	}
	if c.metric != nil {
		m := c.metric
		if device {
			m = c.system
		}
		if i, ok := m[sub]; ok {
			return &c.nodes[i]
		}
		return nil
	}
	for i := k.last; i > 0; i = c.nodes[i-1].before {
		if n := &c.nodes[i-1]; n.sub == sub {
			return n
		}
	}
	return nil
}

// maxParts bounds how deep OBX-4 is followed; the standards use five parts.
const maxParts = 8

// owner is the nearest device that sub lies in, nil when none was named.
func (c *containment) owner(sub string) *node {
	return c.above(sub, true)
}

// parent is the nearest metric above sub: what a facet or attribute qualifies.
func (c *containment) parent(sub string) *node {
	return c.above(sub, false)
}

func (c *containment) above(sub string, device bool) *node {
	for range maxParts {
		cut := strings.LastIndexByte(sub, '.')
		if cut < 0 {
			return nil
		}
		sub = sub[:cut]
		if n := c.find(sub, device); n != nil {
			return n
		}
	}
	return nil
}

// bare is a device's place without trailing zeros: "1.1.0.0" is "1.1".
func bare(sub string) string {
	for {
		cut, ok := strings.CutSuffix(sub, ".0")
		if !ok {
			return sub
		}
		sub = cut
	}
}

// level of a device by its term, else by the number of trailing zeros.
func level(refid, sub string) string {
	switch {
	case strings.HasSuffix(refid, "_MDS") || strings.HasPrefix(refid, "MDC_DEV_SPEC_PROFILE"):
		return "mds"
	case strings.HasSuffix(refid, "_VMD"):
		return "vmd"
	case strings.HasSuffix(refid, "_CHAN"):
		return "chan"
	}
	switch b := bare(sub); (len(sub) - len(b)) / 2 {
	case 3:
		return "mds"
	case 2:
		return "vmd"
	case 1:
		return "chan"
	}
	return ""
}
