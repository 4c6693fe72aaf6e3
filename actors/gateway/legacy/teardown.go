package legacy

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func (c *changes) teardown(w *web.Writer, r *web.Request) {
	form, err := r.Form()
	if err != nil {
		w.Error(err)
		return
	}
	id, given := form["frameworkId"]
	if !given {
		w.Error(web.Refuse(http.StatusBadRequest, "Missing 'frameworkId' query parameter in the request body"))
		return
	}
	c.change(w, r, &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(),
		Teardown: &masterpb.Call_Teardown{FrameworkId: &mesospb.FrameworkID{Value: proto.String(id)}}})
}
