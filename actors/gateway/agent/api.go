package agent

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// limits bounds a call. None needs to be large.
var limits = wire.Limits{Bytes: 4 << 20, Memory: 64 << 20}

// api is the v1 operator API. The checks are in Mesos' order, which on agents is not that of masters.
func (d *door) api(w *web.Writer, r *web.Request) {
	if d.Agent.View().Recovering {
		w.Error(agent.ErrRecovering)
		return
	}
	if r.Method != http.MethodPost {
		w.MethodNotAllowed(r, http.MethodPost)
		return
	}
	body, err := requestBody(r.Header)
	if err != nil {
		w.Error(err)
		return
	}
	answer, err := answerBody(r.Header)
	if err != nil {
		w.Error(err)
		return
	}
	call, err := read(r, body)
	if err == nil {
		err = combined(call.GetType(), body, answer)
	}
	if err != nil {
		w.Error(err)
		return
	}
	d.dispatch(w, r, call, answer.Format)
}

const either = wire.MediaJSON + " or " + wire.MediaProtobuf

// requestBody is the form of the request: 400 for a header that is missing, 415 for one that is not known.
func requestBody(h http.Header) (wire.Body, error) {
	b, err := wire.StreamContentType(h)
	header, known := "Content-Type", either+" or "+wire.MediaRecordIO
	if b.RecordIO {
		header, known = "Message-Content-Type", either
	}
	switch {
	case err == nil:
		return b, nil
	case !errors.Is(err, wire.ErrMediaType):
		return b, web.Refuse(http.StatusBadRequest, "Expecting '%s' to be present", header)
	case !b.RecordIO && slices.Contains([]string{wire.MediaJSON, wire.MediaProtobuf}, h.Get("Content-Type")):
		return b, web.Refuse(http.StatusUnsupportedMediaType, "Expecting 'Message-Content-Type' to be not set for non-streaming requests")
	}
	return b, web.Refuse(http.StatusUnsupportedMediaType, "Expecting '%s' of %s", header, known)
}

// answerBody is the form of the answer, or 406.
func answerBody(h http.Header) (wire.Body, error) {
	b, err := wire.StreamAccept(h)
	if err == nil {
		return b, nil
	}
	if _, plain := wire.Accept(h); plain == nil {
		return b, web.Refuse(http.StatusNotAcceptable, "Expecting 'Message-Accept' to be not set for non-streaming responses")
	}
	without := h.Clone()
	without.Del("Message-Accept")
	if _, streams := wire.StreamAccept(without); streams == nil {
		return b, web.Refuse(http.StatusNotAcceptable, "Expecting 'Message-Accept' to allow %s", either)
	}
	return b, web.Refuse(http.StatusNotAcceptable, "Expecting 'Accept' to allow %s or %s", either, wire.MediaRecordIO)
}

// read parses and checks a call: the body, or the first record of a stream.
func read(r *web.Request, body wire.Body) (*agentpb.Call, error) {
	call := &agentpb.Call{}
	if body.RecordIO {
		if err := wire.NewRecordReader(r.Request.Body, limits).Decode(body.Format, call); err != nil {
			return nil, web.Refuse(http.StatusBadRequest, "Failed to read the first record: %s", web.Reason(err))
		}
	} else if err := body.Format.Decode(r.Body, call, limits); err != nil {
		if body.Format == wire.Protobuf {
			return nil, web.Refuse(http.StatusBadRequest, "Failed to parse body into a protobuf object: %s", web.Reason(err))
		}
		return nil, web.Refuse(http.StatusBadRequest, "%s", web.Reason(err))
	}
	if err := validation.AgentCall(call); err != nil {
		return nil, web.Refuse(http.StatusBadRequest, "Failed to validate agent::Call: %s", web.Reason(err))
	}
	return call, nil
}

// combined says whether a call comes and is answered in the form that it should.
func combined(t agentpb.Call_Type, body, answer wire.Body) error {
	input := t == agentpb.Call_ATTACH_CONTAINER_INPUT
	output := t == agentpb.Call_ATTACH_CONTAINER_OUTPUT || t == agentpb.Call_LAUNCH_NESTED_CONTAINER_SESSION
	switch {
	case body.RecordIO && !input:
		return web.Refuse(http.StatusUnsupportedMediaType, "Streaming request is not supported for %s call", t)
	case !body.RecordIO && input:
		return web.Refuse(http.StatusUnsupportedMediaType, "Expecting 'Content-Type' to be %s for %s call", wire.MediaRecordIO, t)
	case answer.RecordIO && !output:
		return web.Refuse(http.StatusNotAcceptable, "Streaming response is not supported for %s call", t)
	}
	return nil
}

// dispatch answers what is the node's, and leaves the rest to the agent's client.
func (d *door) dispatch(w *web.Writer, r *web.Request, call *agentpb.Call, f wire.Format) {
	var answer *agentpb.Response
	var err error
	who := r.Subject()
	switch call.GetType() {
	case agentpb.Call_GET_FLAGS:
		answer, err = d.getFlags(who)
	case agentpb.Call_GET_VERSION:
		answer = &agentpb.Response{Type: agentpb.Response_GET_VERSION.Enum(), GetVersion: &agentpb.Response_GetVersion{VersionInfo: d.Version}}
	case agentpb.Call_GET_METRICS:
		answer = d.getMetrics()
	case agentpb.Call_GET_LOGGING_LEVEL:
		answer = d.getLogging()
	case agentpb.Call_SET_LOGGING_LEVEL:
		err = d.setLogging(who, call.GetSetLoggingLevel())
	case agentpb.Call_LIST_FILES, agentpb.Call_READ_FILE:
		if answer, err = d.files(w, who, call); err != nil {
			d.FileError(w, err)
			return
		}
	default:
		answer, err = d.Agent.Ask(who, call).Get(r.Context())
	}
	switch {
	case err != nil:
		w.Error(err)
	case answer == nil || answer.Type == nil:
		w.Empty(http.StatusOK) // done; there is nothing to tell
	default:
		w.Message(http.StatusOK, f, answer)
	}
}

func (d *door) getFlags(who authorization.Subject) (*agentpb.Response, error) {
	if !authorization.Approves(d.Authorizer, who, authorization.ViewFlags, authorization.Object{}) {
		return nil, fault.ErrDenied
	}
	flags := &agentpb.Response_GetFlags{}
	for name, value := range sorted(d.flags()) {
		flags.Flags = append(flags.Flags, &mesospb.Flag{Name: proto.String(name), Value: proto.String(value)})
	}
	return &agentpb.Response{Type: agentpb.Response_GET_FLAGS.Enum(), GetFlags: flags}, nil
}

// getMetrics does not need the timeout that the call may have: every number is there.
func (d *door) getMetrics() *agentpb.Response {
	metrics := &agentpb.Response_GetMetrics{}
	for name, value := range sorted(d.Runtime.Metrics().Snapshot()) {
		metrics.Metrics = append(metrics.Metrics, &mesospb.Metric{Name: proto.String(name), Value: proto.Float64(value)})
	}
	return &agentpb.Response{Type: agentpb.Response_GET_METRICS.Enum(), GetMetrics: metrics}
}

func (d *door) getLogging() *agentpb.Response {
	level := uint32(0)
	if d.Logging != nil {
		level = d.Logging.Level()
	}
	return &agentpb.Response{Type: agentpb.Response_GET_LOGGING_LEVEL.Enum(), GetLoggingLevel: &agentpb.Response_GetLoggingLevel{Level: &level}}
}

func (d *door) setLogging(who authorization.Subject, c *agentpb.Call_SetLoggingLevel) error {
	if !authorization.Approves(d.Authorizer, who, authorization.SetLogLevel, authorization.Object{}) {
		return fault.ErrDenied
	}
	if d.Logging == nil {
		return web.Refuse(http.StatusNotImplemented, "SET_LOGGING_LEVEL is not supported: this program's log has one level")
	}
	return d.Logging.Set(c.GetLevel(), time.Duration(c.GetDuration().GetNanoseconds()))
}

// FileHeader says in the answer to READ_FILE which file was read, so that who follows one through its rotations loses
// nothing. Mesos has no such thing, and no client of it looks for one.
const FileHeader = "Meseta-File"

func (d *door) files(w *web.Writer, who authorization.Subject, c *agentpb.Call) (*agentpb.Response, error) {
	switch {
	case d.Files == nil:
		return nil, fault.ErrNotFound
	case c.GetType() == agentpb.Call_LIST_FILES:
		return d.Files.AgentList(who, c.GetListFiles())
	}
	answer, identity, err := d.Files.AgentRead(who, c.GetReadFile())
	if identity != "" {
		w.Header().Set(FileHeader, identity)
	}
	return answer, err
}
