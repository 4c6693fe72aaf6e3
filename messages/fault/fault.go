// Package fault holds the few classes of failure that cross a room. A class says what the caller can do;
// the text around it says what happened. Test with errors.Is.
package fault

import "errors"

var (
	ErrInvalid     = errors.New("invalid request")    // fix the request
	ErrDenied      = errors.New("not allowed")        // ask an operator
	ErrNotFound    = errors.New("not found")          // stop asking
	ErrConflict    = errors.New("conflicts with now") // read again, then retry
	ErrNotLeader   = errors.New("not the leader")     // ask the leader
	ErrUnsupported = errors.New("unsupported here")   // this kernel or build lacks it
	ErrUnavailable = errors.New("unavailable")        // retry later, unchanged
)
