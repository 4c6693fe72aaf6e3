package legacy

import (
	"net/http"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/wire"
	"google.golang.org/protobuf/proto"
)

func (c *changes) quota(w *web.Writer, r *web.Request) {
	switch r.Method {
	case http.MethodPost:
		c.setQuota(w, r)
	case http.MethodDelete:
		c.removeQuota(w, r)
	default:
		answer, err := c.ask(r, &masterpb.Call{Type: masterpb.Call_GET_QUOTA.Enum()})
		if err != nil {
			w.Error(err)
			return
		}
		w.JSON(r, func(b *web.Buffer) { b.B = wire.AppendJSON(b.B, answer.GetGetQuota().GetStatus()) })
	}
}

func (c *changes) setQuota(w *web.Writer, r *web.Request) {
	request := &quotapb.QuotaRequest{}
	if err := wire.DecodeJSON(r.Body, request, c.limits); err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to parse set quota request JSON '%s': %s", quoted(r.Body), web.Reason(err)))
		return
	}
	//lint:ignore SA1019 this door is for those who use it
	c.change(w, r, &masterpb.Call{Type: masterpb.Call_SET_QUOTA.Enum(), SetQuota: &masterpb.Call_SetQuota{QuotaRequest: request}})
}

// removeQuota takes the role from the path: whatever follows /master/quota, slashes included.
func (c *changes) removeQuota(w *web.Writer, r *web.Request) {
	if r.Rest == "" {
		found := len(strings.FieldsFunc(r.Path, func(c rune) bool { return c == '/' }))
		w.Error(web.Refuse(http.StatusBadRequest,
			"Failed to parse remove quota request for path '%s': expected 3 tokens, found %d tokens", r.Path, found))
		return
	}
	//lint:ignore SA1019 this door is for those who use it
	call := &masterpb.Call{Type: masterpb.Call_REMOVE_QUOTA.Enum(), RemoveQuota: &masterpb.Call_RemoveQuota{Role: proto.String(r.Rest)}}
	_, err := c.ask(r, call)
	switch {
	case err == nil:
		w.Empty(http.StatusOK)
	case web.Status(err) == http.StatusBadRequest:
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to remove quota for path '%s': %s", r.Path, web.Reason(err)))
	default:
		w.Error(err)
	}
}
