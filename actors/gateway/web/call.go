package web

import (
	"errors"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/wire"
)

// Call reads the call that a request's body is, by its Content-Type: 400 without one, 415 for one that is not known, 400
// for what does not parse.
func Call[C proto.Message](r *Request, into C, l wire.Limits) (wire.Format, error) {
	f, err := ContentType(r)
	if err != nil {
		return f, err
	}
	return f, Parse(f, r.Body, into, l)
}

// ContentType is the format of a request's body, or 400 or 415 in Mesos' words.
func ContentType(r *Request) (wire.Format, error) {
	f, err := wire.ContentType(r.Header)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, wire.ErrMediaType):
		return f, Refuse(http.StatusUnsupportedMediaType, "Expecting 'Content-Type' of %s or %s", wire.MediaJSON, wire.MediaProtobuf)
	}
	return f, Refuse(http.StatusBadRequest, "Expecting 'Content-Type' to be present")
}

// Parse reads a message, or says in which of the two languages it could not.
func Parse(f wire.Format, body []byte, into proto.Message, l wire.Limits) error {
	err := f.Decode(body, into, l)
	switch {
	case err == nil:
		return nil
	case f == wire.Protobuf:
		return Refuse(http.StatusBadRequest, "Failed to parse body into Call protobuf: %s", Reason(err))
	}
	return Refuse(http.StatusBadRequest, "Failed to convert JSON into Call protobuf: %s", Reason(err))
}

// Accept chooses the format of the answer, or refuses with 406.
func Accept(r *Request) (wire.Format, error) {
	f, err := wire.Accept(r.Header)
	if err != nil {
		return f, Refuse(http.StatusNotAcceptable, "Expecting 'Accept' to allow '%s' or '%s'", wire.MediaProtobuf, wire.MediaJSON)
	}
	return f, nil
}
