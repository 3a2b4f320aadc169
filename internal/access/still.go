package access

import (
	"crypto/sha256"
	"strings"
)

// Still says whether a session's or token's secret still lets in, without
// counting as use: what only listens keeps no session alive.
func (g *Gate) Still(text string) error {
	hash := sha256.Sum256([]byte(text))
	now := g.o.Now().UTC()
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.HasPrefix(text, tokenPrefix) {
		if t := g.tokens[hash]; t != nil && t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires)) {
			return nil
		}
		return errNotIn()
	}
	s := g.sessions[hash]
	if s == nil || !now.Before(s.Expires) || now.Sub(s.Seen) >= g.o.Idle {
		return errNotIn()
	}
	if a, ok := g.accounts[s.Account]; !ok || a.Disabled {
		return errNotIn()
	}
	return nil
}
