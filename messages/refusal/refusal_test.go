package refusal_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/refusal"
)

func TestAClassSurvivesTheJourney(t *testing.T) {
	classes := []error{fault.ErrInvalid, fault.ErrDenied, fault.ErrNotFound, fault.ErrConflict, fault.ErrNotLeader, fault.ErrUnsupported, fault.ErrUnavailable}
	if len(classes)+1 != len(controlpb.Refused_Class_name) {
		t.Errorf("%d classes in words and %d on the wire, UNKNOWN included", len(classes), len(controlpb.Refused_Class_name))
	}
	for _, class := range classes {
		sent := fmt.Errorf("offer O1: %w", class)
		got := refusal.Err(refusal.Of(sent))
		if !errors.Is(got, class) || got.Error() != sent.Error() {
			t.Errorf("%v arrived as %v", sent, got)
		}
		for _, other := range classes {
			if other != class && errors.Is(got, other) {
				t.Errorf("%v arrived as %v too", sent, other)
			}
		}
	}
}

func TestAnErrorWithoutAClassHasNone(t *testing.T) {
	r := refusal.Of(errors.New("odd"))
	if r.GetClass() != controlpb.Refused_UNKNOWN || errors.Unwrap(refusal.Err(r)) != nil {
		t.Errorf("it became %v", r)
	}
}
