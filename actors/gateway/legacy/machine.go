package legacy

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

func (c *changes) machineDown(w *web.Writer, r *web.Request) {
	if ids, ok := c.machines(w, r); ok {
		c.change(w, r, &masterpb.Call{Type: masterpb.Call_START_MAINTENANCE.Enum(), StartMaintenance: &masterpb.Call_StartMaintenance{Machines: ids}})
	}
}

func (c *changes) machineUp(w *web.Writer, r *web.Request) {
	if ids, ok := c.machines(w, r); ok {
		c.change(w, r, &masterpb.Call{Type: masterpb.Call_STOP_MAINTENANCE.Enum(), StopMaintenance: &masterpb.Call_StopMaintenance{Machines: ids}})
	}
}

// machines reads the list of machines that a body is.
func (c *changes) machines(w *web.Writer, r *web.Request) ([]*mesospb.MachineID, bool) {
	ids, err := wire.DecodeJSONList[*mesospb.MachineID](r.Body, c.limits)
	if err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to parse machines JSON '%s': %s", quoted(r.Body), web.Reason(err)))
		return nil, false
	}
	return ids, true
}
