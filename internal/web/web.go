// Package web is the console: pages that call service, and nothing else.
package web

import (
	"net/http"

	"thalamus/internal/service"
)

// SessionCookie holds the secret of a session.
const SessionCookie = "__Host-thalamus"

// Options of the console.
type Options struct {
	Version, Site, Zone string
}

// New makes the console.
func New(s *service.Service, o Options) (http.Handler, error) {
	return http.NotFoundHandler(), nil
}
