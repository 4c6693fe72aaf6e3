package beyond

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func kill(m master.Client, w *web.Writer, r *web.Request) {
	form, err := r.Form()
	if err != nil {
		w.Error(err)
		return
	}
	call := &schedulerpb.Call_Kill{TaskId: &mesospb.TaskID{Value: proto.String(form["taskId"])}}
	if form["frameworkId"] == "" || form["taskId"] == "" {
		w.Text(http.StatusBadRequest, "Missing 'frameworkId' or 'taskId' in the body: both are needed")
		return
	}
	if text, given := form["gracePeriod"]; given {
		grace, err := durations.Parse(text)
		if err != nil || grace < 0 {
			w.Text(http.StatusBadRequest, "Invalid 'gracePeriod' '"+text+"': a duration such as 10secs expected")
			return
		}
		call.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(grace))}}
	}
	if _, err := m.Kill(r.Subject(), form["frameworkId"], call).Get(r.Context()); err != nil {
		w.Error(err)
		return
	}
	w.Empty(http.StatusAccepted)
}
