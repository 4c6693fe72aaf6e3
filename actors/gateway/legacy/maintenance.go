package legacy

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

func (c *changes) schedule(w *web.Writer, r *web.Request) {
	if r.Method == http.MethodPost {
		c.updateSchedule(w, r)
		return
	}
	answer, err := c.ask(r, &masterpb.Call{Type: masterpb.Call_GET_MAINTENANCE_SCHEDULE.Enum()})
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = wire.AppendJSON(b.B, answer.GetGetMaintenanceSchedule().GetSchedule()) })
}

func (c *changes) updateSchedule(w *web.Writer, r *web.Request) {
	schedule := &maintenancepb.Schedule{}
	if err := wire.DecodeJSON(r.Body, schedule, c.limits); err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to parse maintenance schedule JSON '%s': %s", quoted(r.Body), web.Reason(err)))
		return
	}
	c.change(w, r, &masterpb.Call{Type: masterpb.Call_UPDATE_MAINTENANCE_SCHEDULE.Enum(),
		UpdateMaintenanceSchedule: &masterpb.Call_UpdateMaintenanceSchedule{Schedule: schedule}})
}

func (c *changes) status(w *web.Writer, r *web.Request) {
	answer, err := c.ask(r, &masterpb.Call{Type: masterpb.Call_GET_MAINTENANCE_STATUS.Enum()})
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = wire.AppendJSON(b.B, answer.GetGetMaintenanceStatus().GetStatus()) })
}
