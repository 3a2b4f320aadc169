package service_test

import (
	"testing"

	"thalamus/internal/service"
)

// Every operation's example is a request of that operation.
func TestExamples(t *testing.T) {
	for _, o := range service.Ops() {
		if _, err := o.ExampleRequest(); err != nil {
			t.Errorf("%s %s: %v", o.Name, o.Example, err)
		}
	}
}
