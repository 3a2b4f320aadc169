package service

// Differences lists in words what changed between two versions of a governed
// thing: "settings.listen: 0.0.0.0:2575 → 0.0.0.0:2576". Secrets that a
// version shows as their placeholder stay unsaid.
func Differences[T any](was, now T) []string {
	changes, _ := compareLists("", things{"": flatOne(was)}, things{"": flatOne(now)}, nil)
	out := make([]string, len(changes))
	for i, c := range changes {
		before, after := c.Was, c.Now
		if before == "" {
			before = "–"
		}
		if after == "" {
			after = "–"
		}
		out[i] = c.Key + ": " + before + " → " + after
	}
	return out
}

func flatOne[T any](v T) map[string]string {
	for _, one := range flat([]T{v}) {
		return one
	}
	return nil
}
