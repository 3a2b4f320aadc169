//go:build !linux

package fhir

func synchronised() (yes, told bool) { return false, false }
