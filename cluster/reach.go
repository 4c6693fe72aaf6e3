package cluster

import (
	"fmt"
	"time"
)

// Reacher is an election that depends on a service elsewhere. An implementation that needs none is none.
type Reacher interface {
	// Reach says how it stands with the service now. It asks nobody.
	Reach() Reach
}

// Reach is how it stands between a master and the service that elects it.
type Reach struct {
	// Silence is for how long the service has not answered, and 0 while it does.
	Silence time.Duration
	// Lease is how much longer the master leads without another answer, and 0 for one that does not lead.
	Lease time.Duration
}

// Ends reports whether the master will step down unless the service answers.
func (r Reach) Ends() bool { return r.Silence > 0 && r.Lease > 0 }

// String is what people are told, and empty while nothing is wrong.
func (r Reach) String() string {
	if r.Silence == 0 {
		return ""
	}
	text := fmt.Sprintf("the election has been out of reach for %s", brief(r.Silence))
	if r.Ends() {
		text += fmt.Sprintf("; this master steps down in %s unless it answers", brief(r.Lease))
	}
	return text
}

// brief is a time to the tenth of a second, and never none.
func brief(d time.Duration) time.Duration {
	return max(d.Round(100*time.Millisecond), 100*time.Millisecond)
}
