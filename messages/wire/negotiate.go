package wire

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// The two refusals of negotiation that have a status code of their own. Both are of class fault.ErrInvalid; a missing
// Content-Type is of that class alone (400).
var (
	ErrMediaType     = fmt.Errorf("unsupported media type: %w", fault.ErrInvalid) // 415
	ErrNotAcceptable = fmt.Errorf("not acceptable: %w", fault.ErrInvalid)         // 406
)

// Body is the form of a body: one message, or a RecordIO stream of messages.
type Body struct {
	Format   Format
	RecordIO bool // announced as application/recordio; other streams announce the format of their records
}

// SetHeader sets Content-Type, and Message-Content-Type if the body says application/recordio.
func (b Body) SetHeader(h http.Header) {
	if !b.RecordIO {
		h.Set("Content-Type", b.Format.MediaType())
		return
	}
	h.Set("Content-Type", MediaRecordIO)
	h.Set("Message-Content-Type", b.Format.MediaType())
}

// ContentType reads the Content-Type of a request to the master, to the scheduler, executor and resource provider
// endpoints. It must be one of the two media types, character for character, as Mesos compares it: parameters such as
// charset and other letter cases are refused. Errors: ErrMediaType, or fault.ErrInvalid alone if the header is missing.
func ContentType(h http.Header) (Format, error) {
	return format("Content-Type", h, fmt.Sprintf("%s or %s", MediaJSON, MediaProtobuf))
}

// StreamContentType reads the headers of a request to the agent's operator endpoint, which also takes a RecordIO stream
// (ATTACH_CONTAINER_INPUT). Then Message-Content-Type must name the format of the records, else it must be absent. Errors
// as of ContentType.
func StreamContentType(h http.Header) (Body, error) {
	if h.Get("Content-Type") == MediaRecordIO {
		f, err := format("Message-Content-Type", h, fmt.Sprintf("%s or %s", MediaJSON, MediaProtobuf))
		return Body{Format: f, RecordIO: true}, err
	}
	f, err := format("Content-Type", h, fmt.Sprintf("%s, %s or %s", MediaJSON, MediaProtobuf, MediaRecordIO))
	if err == nil && len(h.Values("Message-Content-Type")) > 0 {
		err = fmt.Errorf("header Message-Content-Type is for %s only: %w", MediaRecordIO, ErrMediaType)
	}
	return Body{Format: f}, err
}

func format(name string, h http.Header, want string) (Format, error) {
	if len(h.Values(name)) == 0 {
		return JSON, fmt.Errorf("header %s is missing: expected %s: %w", name, want, fault.ErrInvalid)
	}
	switch h.Get(name) {
	case MediaJSON:
		return JSON, nil
	case MediaProtobuf:
		return Protobuf, nil
	}
	return JSON, fmt.Errorf("header %s: expected %s: %w", name, want, ErrMediaType)
}

// Accept chooses the format of an answer from the Accept header: JSON if it may be, else protobuf, else the error is
// ErrNotAcceptable. An absent header takes anything. Weights do not order the two; a weight of 0 excludes.
func Accept(h http.Header) (Format, error) {
	f, ok := choose(h, "Accept")
	if !ok {
		return JSON, fmt.Errorf("header Accept: expected to allow %s or %s: %w", MediaJSON, MediaProtobuf, ErrNotAcceptable)
	}
	return f, nil
}

// StreamAccept chooses the form of a streamed answer of the agent's operator endpoint (ATTACH_CONTAINER_OUTPUT,
// LAUNCH_NESTED_CONTAINER_SESSION), and of its other answers. RecordIO is chosen only if neither format itself may be; the
// records' format then comes from Message-Accept, which must otherwise be absent. The error is ErrNotAcceptable.
func StreamAccept(h http.Header) (Body, error) {
	if f, ok := choose(h, "Accept"); ok {
		if len(h.Values("Message-Accept")) > 0 {
			return Body{}, fmt.Errorf("header Message-Accept is for %s only: %w", MediaRecordIO, ErrNotAcceptable)
		}
		return Body{Format: f}, nil
	}
	if !accepts(h, "Accept", MediaRecordIO, "application/*", "*/*") {
		return Body{}, fmt.Errorf("header Accept: expected to allow %s, %s or %s: %w", MediaJSON, MediaProtobuf, MediaRecordIO, ErrNotAcceptable)
	}
	f, ok := choose(h, "Message-Accept")
	if !ok {
		return Body{}, fmt.Errorf("header Message-Accept: expected to allow %s or %s: %w", MediaJSON, MediaProtobuf, ErrNotAcceptable)
	}
	return Body{Format: f, RecordIO: true}, nil
}

// AcceptsGzip says whether an answer may be compressed: Accept-Encoding names gzip, or else *, with a weight above 0.
// Without the header it may not, as in Mesos.
func AcceptsGzip(h http.Header) bool {
	return len(h.Values("Accept-Encoding")) > 0 && accepts(h, "Accept-Encoding", "gzip", "*")
}

func choose(h http.Header, name string) (Format, bool) {
	for _, f := range []Format{JSON, Protobuf} {
		if accepts(h, name, f.MediaType(), "application/*", "*/*") {
			return f, true
		}
	}
	return JSON, false
}

// accepts looks for the first of candidates, the most exact first, that the header lists; its weight decides. A header
// that is absent accepts everything, one that is empty nothing.
func accepts(h http.Header, name string, candidates ...string) bool {
	values := h.Values(name)
	if len(values) == 0 {
		return true
	}
	items := strings.Split(blanks.Replace(strings.Join(values, ",")), ",")
	for _, candidate := range candidates {
		for _, item := range items {
			token, params, _ := strings.Cut(item, ";")
			if strings.EqualFold(token, candidate) {
				return weight(params) > 0
			}
		}
	}
	return false
}

var blanks = strings.NewReplacer(" ", "", "\t", "", "\n", "")

// weight is the q of an item: 1 if there is none, or several; 0 if it is not a number.
func weight(params string) float64 {
	text, found := "", 0
	for _, p := range strings.Split(params, ";") {
		if v, ok := strings.CutPrefix(p, "q="); ok {
			text = v
			found++
		}
	}
	if found != 1 {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return q
}
