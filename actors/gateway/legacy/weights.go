package legacy

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

func (c *changes) weights(w *web.Writer, r *web.Request) {
	if r.Method == http.MethodPut {
		c.updateWeights(w, r)
		return
	}
	answer, err := c.ask(r, &masterpb.Call{Type: masterpb.Call_GET_WEIGHTS.Enum()})
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) {
		b.B = append(b.B, '[')
		for i, info := range answer.GetGetWeights().GetWeightInfos() {
			if i > 0 {
				b.B = append(b.B, ',')
			}
			b.B = wire.AppendString(append(b.B, `{"role":`...), info.GetRole())
			b.B = append(wire.AppendDouble(append(b.B, `,"weight":`...), info.GetWeight()), '}')
			b.Flush()
		}
		b.B = append(b.B, ']')
	})
}

func (c *changes) updateWeights(w *web.Writer, r *web.Request) {
	infos, err := wire.DecodeJSONList[*mesospb.WeightInfo](r.Body, c.limits)
	if err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to parse update weights request JSON '%s': %s", quoted(r.Body), web.Reason(err)))
		return
	}
	c.change(w, r, &masterpb.Call{Type: masterpb.Call_UPDATE_WEIGHTS.Enum(), UpdateWeights: &masterpb.Call_UpdateWeights{WeightInfos: infos}})
}
