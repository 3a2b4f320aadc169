// Package storetest holds what every store must pass: the suites of the stores
// that the rooms of Thalamus declare. An implementation calls them in its tests.
package storetest
