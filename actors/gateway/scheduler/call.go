package scheduler

import (
	"errors"
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// call is everything but SUBSCRIBE. The master obeys before the client has its answer, so calls that a client makes one
// after the other are obeyed in that order.
func (d *door) call(w *web.Writer, r *web.Request, call *schedulerpb.Call) {
	c := d.find(r.Header.Get(streamHeader))
	_, err := d.master.Say(c.upid(), r.Subject(), call).Get(r.Context())
	switch {
	case r.Context().Err() != nil:
		return // nobody is there to be told
	case errors.Is(err, master.ErrOtherStream):
		w.Error(wrongStream(r, call))
		return
	case err != nil:
		w.Error(inMesosWords(err))
		return
	}
	switch call.GetType() {
	case schedulerpb.Call_TEARDOWN:
		process.Dispatch(c.ref, (*connection).end)
		w.Empty(http.StatusAccepted)
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		w.Empty(http.StatusOK)
	default:
		w.Empty(http.StatusAccepted)
	}
}

// wrongStream says what is wrong with the stream id of a call.
func wrongStream(r *web.Request, call *schedulerpb.Call) error {
	if len(r.Header.Values(streamHeader)) == 0 {
		return web.Refuse(http.StatusBadRequest, "All non-subscribe calls should include the '%s' header", streamHeader)
	}
	return web.Refuse(http.StatusBadRequest, "The stream ID '%s' included in this request didn't match the stream ID currently "+
		"associated with framework ID %s", r.Header.Get(streamHeader), call.GetFrameworkId().GetValue())
}
