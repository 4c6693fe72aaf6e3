package ratelimits_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/ratelimits"
)

func TestParse(t *testing.T) {
	const file = `{"limits": [{"principal": "slow", "qps": 0.5, "capacity": 3}, {"principal": "free"}, {"principal": "text", "qps": "100"}, {"principal": "tight", "qps": 1e12, "capacity": 0}],
		"aggregate_default_qps": 20, "aggregate_default_capacity": "7"}`
	l, err := ratelimits.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		principal string
		every     time.Duration
		capacity  int
		shared    bool
	}{
		{"slow", 2 * time.Second, 3, false}, {"free", 0, 0, false}, {"text", 10 * time.Millisecond, ratelimits.DefaultCapacity, false}, {"tight", 1, 0, false},
		{"other", 50 * time.Millisecond, 7, true}, {"", 50 * time.Millisecond, 7, true},
	} {
		got, shared := l.Of(c.principal)
		if got.Every != c.every || got.Capacity != c.capacity || shared != c.shared {
			t.Errorf("%q: %v, %v", c.principal, got, shared)
		}
	}
	for _, none := range []string{`{}`, `{"limits": null}`, `{"aggregate_default_capacity": 5}`} {
		l, err := ratelimits.Parse([]byte(none))
		if err != nil {
			t.Fatal(err)
		}
		if got, shared := l.Of("x"); got.Every != 0 || !shared {
			t.Errorf("%s limits: %v", none, got)
		}
	}
	var nobody *ratelimits.Limits
	if got, shared := nobody.Of("x"); got.Every != 0 || !shared {
		t.Errorf("no limits are %v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"what is no JSON":          {`limits`, "JSON object"},
		"a key that there is not":  {`{"limit": []}`, `"limit"`},
		"a word that there is not": {`{"limits": [{"principal": "a", "qsp": 1}]}`, `"qsp"`},
		"nobody":                   {`{"limits": [{"qps": 1}]}`, "missing"},
		"somebody twice":           {`{"limits": [{"principal": "a"}, {"principal": "a", "qps": 1}]}`, "twice"},
		"no rate at all":           {`{"limits": [{"principal": "a", "qps": 0}]}`, "positive"},
		"a negative rate":          {`{"aggregate_default_qps": -1}`, "positive"},
		"a rate without end":       {`{"aggregate_default_qps": "Infinity"}`, "positive"},
		"no number":                {`{"aggregate_default_qps": "NaN"}`, "positive"},
		"half a call":              {`{"aggregate_default_capacity": 0.5}`, "whole number"},
		"a name that is none":      {`{"limits": [{"principal": 5}]}`, "no string"},
		"a list that is none":      {`{"limits": {}}`, "a list was expected"},
		"a file without end":       {strings.Repeat(" ", ratelimits.MaxFile+1), "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ratelimits.Parse([]byte(c[0])); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c[1]) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"limits": [{"principal": "slow", "qps": 0.5, "capacity": 3}], "aggregate_default_qps": "20"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := ratelimits.Parse(file)
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		for _, who := range []string{"slow", ""} {
			if got, _ := l.Of(who); got.Every < 0 || got.Capacity < 0 {
				t.Errorf("%v", got)
			}
		}
	})
}
