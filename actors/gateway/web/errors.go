package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// classes turns classes of failure into status codes. ErrNotLeader has none of its own: whoever meets it has lost a race
// with an election, and may try again.
var classes = []struct {
	class  error
	status int
}{
	{fault.ErrInvalid, http.StatusBadRequest},
	{fault.ErrDenied, http.StatusForbidden},
	{fault.ErrNotFound, http.StatusNotFound},
	{fault.ErrConflict, http.StatusConflict},
	{fault.ErrNotLeader, http.StatusServiceUnavailable},
	{fault.ErrUnsupported, http.StatusNotImplemented},
	{fault.ErrUnavailable, http.StatusServiceUnavailable},
}

// Status is the status code of an error: its own if it has a method HTTPStatus() int, else that of its class, else 500.
func Status(err error) int {
	var own interface{ HTTPStatus() int }
	if errors.As(err, &own) {
		return own.HTTPStatus()
	}
	for _, c := range classes {
		if errors.Is(err, c.class) {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

// Reason is what an error says without the words of its class, which are for programs. It is empty if nothing is left.
func Reason(err error) string {
	text := err.Error()
	for _, c := range classes {
		if errors.Is(err, c.class) {
			text = strings.TrimSuffix(strings.TrimSuffix(text, c.class.Error()), ": ")
		}
	}
	return text
}

// Refusal is an error with a status code of its own.
type Refusal struct {
	Code int
	Text string // empty: the code's own phrase
}

// Refuse makes a Refusal.
func Refuse(code int, format string, args ...any) error {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Error is the text.
func (r *Refusal) Error() string {
	if r.Text == "" {
		return phrase(r.Code)
	}
	return r.Text
}

// HTTPStatus is the code.
func (r *Refusal) HTTPStatus() int { return r.Code }

// phrase is the body of an answer that has no reason of its own.
func phrase(status int) string {
	return strconv.Itoa(status) + " " + http.StatusText(status) + "."
}
