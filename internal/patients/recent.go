package patients

// recent keeps the entries used last, between most and twice as many, at the
// cost of a map: what was not asked for while the young half filled goes.
type recent[K comparable, V any] struct {
	young, old map[K]V
	most       int
}

func newRecent[K comparable, V any](most int) recent[K, V] {
	return recent[K, V]{young: map[K]V{}, most: most}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	v, ok := r.young[k]
	if ok {
		return v, true
	}
	if v, ok = r.old[k]; ok {
		r.young[k] = v
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	r.young[k] = v
	delete(r.old, k)
}

func (r *recent[K, V]) drop(k K) {
	delete(r.young, k)
	delete(r.old, k)
}

// rotate lets old entries go when the young half is full. Its caller knows
// that nothing unsaved is among them.
func (r *recent[K, V]) rotate() {
	if len(r.young) >= r.most {
		r.old, r.young = r.young, make(map[K]V, r.most/4)
	}
}

func (r *recent[K, V]) clear() {
	clear(r.young)
	clear(r.old)
}
