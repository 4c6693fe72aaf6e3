package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// What Meseta's event streams have beyond Mesos': where to go on after a break, and why a stream ends.
// See docs/decisions/0009-resume.md.
const (
	resumeHeader  = "Meseta-Resume"
	sequenceField = protowire.Number(15001)
	errorField    = protowire.Number(15002)
)

// Events is the stream of what happens in a cluster. It survives the loss of its connection: it goes on after the last
// event that it had, or, when the master does not remember that or is another one, begins anew with SUBSCRIBED.
type Events struct {
	c      *Client
	at     string // the last event: "<master id>:<number>"
	master string
	body   io.Closer
	reader *wire.RecordReader
	// Lost, unless nil, hears of each break.
	Lost func(why error)
}

// Events begins to watch.
func (c *Client) Events() *Events { return &Events{c: c} }

// Next waits for the next event. It returns an error when ctx is over or nobody can be asked.
func (e *Events) Next(ctx context.Context) (*masterpb.Event, error) {
	for {
		if e.reader == nil {
			if err := e.connect(ctx); err != nil {
				return nil, err
			}
		}
		record, err := e.reader.Next()
		if err == nil {
			if event, err := e.read(record); event != nil || err != nil {
				return event, err
			}
			continue
		}
		e.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if e.Lost != nil {
			e.Lost(err)
		}
	}
}

// read decodes a record and remembers its number; nil for the last word of a stream, which is followed by its end.
func (e *Events) read(record []byte) (*masterpb.Event, error) {
	event := &masterpb.Event{}
	if err := proto.Unmarshal(record, event); err != nil {
		return nil, err
	}
	for rest := []byte(event.ProtoReflect().GetUnknown()); len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		m := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if m < 0 {
			return nil, protowire.ParseError(m)
		}
		switch number {
		case sequenceField:
			at, _ := protowire.ConsumeVarint(rest[n:])
			e.at = e.master + ":" + strconv.FormatUint(at, 10)
		case errorField:
			return nil, nil
		}
		rest = rest[n+m:]
	}
	event.ProtoReflect().SetUnknown(nil)
	return event, nil
}

func (e *Events) connect(ctx context.Context) error {
	body, err := wire.Protobuf.Append(nil, &masterpb.Call{Type: masterpb.Call_SUBSCRIBE.Enum()})
	if err != nil {
		return err
	}
	var answer *http.Response
	err = e.c.leader(ctx, func(address string) error {
		// The stream outlives the patience with which its beginning is waited for.
		got, err := e.c.post(context.WithoutCancel(ctx), e.c.url(address, "/api/v1"), address, wire.MediaProtobuf, body, http.Header{resumeHeader: {e.at}})
		answer = got
		return err
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { answer.Body.Close() })
	e.body = closer(func() error { stop(); return answer.Body.Close() })
	e.master, _, _ = strings.Cut(answer.Header.Get(resumeHeader), ":")
	e.reader = wire.NewRecordReader(answer.Body, wire.Limits{Bytes: maxAnswer})
	return nil
}

type closer func() error

func (c closer) Close() error { return c() }

// Close ends the connection.
func (e *Events) Close() {
	if e.body != nil {
		_ = e.body.Close() // nothing more is wanted of it
	}
	e.body, e.reader = nil, nil
}

// IsGone reports whether nobody could be asked.
func IsGone(err error) bool { return errors.Is(err, fault.ErrUnavailable) }
