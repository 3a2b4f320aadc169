// Package cloud simulates servers that are asked for what devices measured: the
// FHIR server of patients at home, and a maker's cloud of wearables. Nobody is
// called by them: whoever asks is answered page by page, and says by what it asks
// next how far it is.
//
// A measurement counts as acknowledged when it was answered whole and the one who
// asks has moved on: it asked for the page that follows, or with a cursor behind
// it. That is what such a server can know; it trusts whoever asks to move on only
// when what came is safe, and holds for one who asks.
//
// The answers are made here on their own, as public FHIR servers and clouds make
// them, so that a mistake of the driver cannot hide itself: every Bundle has
// another id, also one that is empty; cursors and pages are opaque.
package cloud
