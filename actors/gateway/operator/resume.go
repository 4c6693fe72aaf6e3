package operator

import (
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// ResumeHeader is how a client asks for numbered events, and for those that it missed: empty the first time, and
// "<master id>:<number>" of the last event that it has when it returns. The answer has where the stream begins in the
// same header: an event, if it goes on where the client was, or the snapshot that is the first record otherwise.
const ResumeHeader = "Meseta-Resume"

// The number of an event, and the last word of a stream, are fields of its record that Mesos' clients do not know and
// pass over.
const (
	SequenceKey   = "meseta_sequence" // in JSON
	ErrorKey      = "meseta_error"
	SequenceField = protowire.Number(15001) // in protobuf
	ErrorField    = protowire.Number(15002)
)

// resume is what a client says of where it was. Nil: it did not ask for numbers.
type resume struct {
	master   string // "": it begins
	sequence uint64
}

// longest is how long a master's id and a number are at most.
const longest = 256

func parseResume(h http.Header) (*resume, error) {
	values, given := h[ResumeHeader]
	if !given || len(values) == 0 {
		return nil, nil
	}
	text := strings.TrimSpace(values[0])
	if text == "" {
		return &resume{}, nil
	}
	id, number, ok := strings.Cut(text, ":")
	sequence, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || id == "" || len(text) > longest {
		return nil, web.Refuse(http.StatusBadRequest, "Expecting '%s' to be empty or '<master id>:<sequence>'", ResumeHeader)
	}
	return &resume{id, sequence}, nil
}

// of is whether the client was with this master: another one counts anew.
func (r *resume) of(master string) bool { return r.master != "" && r.master == master }

func (r *resume) header(master string, from uint64) http.Header {
	if r == nil {
		return nil
	}
	return http.Header{ResumeHeader: {master + ":" + strconv.FormatUint(from, 10)}}
}

// numbered is a record with its number at the end.
func numbered(f wire.Format, record []byte, sequence uint64) []byte {
	if f == wire.JSON {
		out := append(append([]byte(nil), record[:len(record)-1]...), `,"`+SequenceKey+`":`...)
		return append(strconv.AppendUint(out, sequence, 10), '}')
	}
	out := protowire.AppendTag(append([]byte(nil), record...), SequenceField, protowire.VarintType)
	return protowire.AppendVarint(out, sequence)
}

// lastWord is a record of no known type that says why nothing comes after it.
func lastWord(f wire.Format, why string) []byte {
	record, _ := text(f, &masterpb.Event{Type: masterpb.Event_UNKNOWN.Enum()}) // never partial
	if f == wire.JSON {
		out := append(record[:len(record)-1], `,"`+ErrorKey+`":`...)
		return append(wire.AppendString(out, why), '}')
	}
	return protowire.AppendString(protowire.AppendTag(record, ErrorField, protowire.BytesType), why)
}
