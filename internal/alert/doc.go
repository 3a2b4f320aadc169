// Package alert follows alerts through their lives: begun, updated, escalated,
// muted, latched, ended (R21, IHE PCD-04). It is pure: a life is made of the
// reports of its source alone, in the order the source gave them, whatever
// order they came in. Nothing is invented: an alert whose end nobody reported
// has none, and that its source fell silent is for those to say who have a
// clock (Silence). Decision 95 tells the rules.
package alert
