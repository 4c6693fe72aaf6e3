package consul

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// refusal is the error of a transaction that Consul would not make. Permissions are told by their text, because
// in a transaction they have no status of their own.
func refusal(r Refusal) error {
	if strings.Contains(r.Text, "Permission denied") || strings.Contains(r.Text, "ACL not found") {
		return fmt.Errorf("Consul refuses (%s): give the token key_prefix write on the prefix and session write: %w", r.Text, fault.ErrDenied)
	}
	return fmt.Errorf("Consul refuses (%s): %w", r.Text, fault.ErrConflict)
}

// unread is the error of a read that failed.
func unread(err error) error {
	if denied(err) {
		return fmt.Errorf("%w: %w", err, fault.ErrDenied)
	}
	return fmt.Errorf("%w: %w", err, fault.ErrUnavailable)
}

// unwritten is the error of a write that failed. Only an answer that Consul gives before it tries is certain.
func unwritten(err error) error {
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Code {
		case 400, 413:
			return fmt.Errorf("%w: %w", err, fault.ErrInvalid)
		case 401, 403:
			return fmt.Errorf("%w: %w", err, fault.ErrDenied)
		case 429:
			return fmt.Errorf("%w: %w", err, fault.ErrUnavailable)
		}
	}
	return fmt.Errorf("%w: %w", err, cluster.ErrUnknownOutcome)
}
