// Package ratelimits reads how many calls frameworks may make, by principal, in Mesos' JSON form.
package ratelimits

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/strictjson"
)

// MaxFile bounds a file of rate limits, in bytes.
const MaxFile = 1 << 20

// DefaultCapacity is how many calls may wait where the file does not say. In Mesos it is without bound.
const DefaultCapacity = 10_000

// Limit is what the frameworks of one principal may do together. The zero value limits nothing.
type Limit struct {
	// Every is the least time between two calls. 0: there is no limit.
	Every time.Duration
	// Capacity is how many calls may wait for their turn.
	Capacity int
}

// Limits are those of all principals. They never change. Nil limits nobody.
type Limits struct {
	byPrincipal map[string]Limit
	others      Limit
}

// Of is the limit of a principal. shared says that it is not his own, but that of all who have none.
func (l *Limits) Of(principal string) (limit Limit, shared bool) {
	if l == nil {
		return Limit{}, true
	}
	if limit, ok := l.byPrincipal[principal]; ok && principal != "" {
		return limit, false
	}
	return l.others, true
}

// Parse reads {"limits": [{"principal": …, "qps": …, "capacity": …}], "aggregate_default_qps": …, "aggregate_default_capacity": …}.
// A principal without qps is not limited; the aggregate is of all together who are not in the list. What it does not know
// it refuses by name.
func Parse(file []byte) (*Limits, error) {
	l, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	return l, nil
}

func parse(file []byte) (*Limits, error) {
	if len(file) > MaxFile {
		return nil, strictjson.Refuse("file of %d bytes: at most %d", len(file), MaxFile)
	}
	members, err := strictjson.Object(file)
	if err != nil {
		return nil, err
	}
	l := &Limits{byPrincipal: map[string]Limit{}}
	var rest reading
	for _, m := range members {
		switch m.Key {
		case "limits":
			err = l.list(m.Value)
		case "aggregate_default_qps":
			err = rest.rate(m.Value)
		case "aggregate_default_capacity":
			err = rest.room(m.Value)
		default:
			err = strictjson.Refuse("there is no %.80q here", m.Key)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	l.others = rest.limit()
	return l, nil
}

func (l *Limits) list(text []byte) error {
	parts, err := strictjson.Array(text)
	if err != nil {
		return err
	}
	for i, part := range parts {
		principal, limit, err := one(part)
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		if _, twice := l.byPrincipal[principal]; twice {
			return fmt.Errorf("[%d]: principal %.80q comes twice: %w", i, principal, fault.ErrInvalid)
		}
		l.byPrincipal[principal] = limit
	}
	return nil
}

func one(text []byte) (principal string, limit Limit, err error) {
	members, err := strictjson.Object(text)
	if err != nil {
		return "", Limit{}, err
	}
	var r reading
	for _, m := range members {
		switch m.Key {
		case "principal":
			if json.Unmarshal(m.Value, &principal) != nil {
				err = strictjson.Refuse("it is no string")
			}
		case "qps":
			err = r.rate(m.Value)
		case "capacity":
			err = r.room(m.Value)
		default:
			err = strictjson.Refuse("there is no %.80q here, but \"principal\", \"qps\" and \"capacity\"", m.Key)
		}
		if err != nil {
			return "", Limit{}, fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	if principal == "" {
		return "", Limit{}, strictjson.Refuse("\"principal\" is missing")
	}
	return principal, r.limit(), nil
}

// reading is a limit while its parts are read.
type reading struct {
	qps      float64
	capacity int
	bounded  bool
}

func (r *reading) limit() Limit {
	if r.qps == 0 {
		return Limit{}
	}
	if !r.bounded {
		r.capacity = DefaultCapacity
	}
	return Limit{Every: max(time.Duration(float64(time.Second)/r.qps), 1), Capacity: r.capacity}
}

// least is one call in 11 days. A clock cannot count much slower.
const least = 1e-6

func (r *reading) rate(text []byte) (err error) {
	// Numbers may be written as strings, as everywhere in Mesos' JSON.
	r.qps, err = strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err != nil || math.IsInf(r.qps, 0) || !(r.qps >= least) {
		return strictjson.Refuse("a positive number expected; leave it out for no limit")
	}
	return nil
}

func (r *reading) room(text []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(text), `"`), 10, 31)
	if err != nil {
		return strictjson.Refuse("a whole number expected, from 0 to 2147483647")
	}
	r.capacity, r.bounded = int(n), true
	return nil
}
