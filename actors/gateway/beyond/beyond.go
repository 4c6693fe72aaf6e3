// Package beyond has the doors that Mesos never had: why a framework is not offered what it could use, the end of one task for
// an operator, and what containers use and have used in the last hour. They lie beside Mesos' own and take nothing from them.
package beyond

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
)

// Routes are the doors of a master.
func Routes(m master.Client) []web.Route {
	return []web.Route{
		{
			Process: master.ID, Pattern: "why", Realm: "mesos-master-readonly", Leader: true, Recovered: true, Exact: true,
			Methods: []string{http.MethodGet},
			Summary: "Says where a framework's demand could run, and why not elsewhere.",
			Details: "?framework=ID&role=ROLE&resources=cpus:1;mem:128&nearest=5: counts every agent under the first reason for which it " +
				"cannot serve, names the nearest misses, and says how much of a resource could be had. Without role: for each role of the " +
				"framework. Without resources: for the least that Mesos offers.",
			Serve: func(w *web.Writer, r *web.Request) { why(m, w, r) },
		},
		{
			Process: master.ID, Pattern: "kill", Realm: "mesos-master-readwrite", Leader: true, Recovered: true, Exact: true,
			Methods: []string{http.MethodPost},
			Summary: "Kills one task.",
			Details: "frameworkId=ID&taskId=ID, and gracePeriod=10secs for what it may take at most. 202 when the order is on its way; the framework " +
				"hears of the end.",
			Serve: func(w *web.Writer, r *web.Request) { kill(m, w, r) },
		},
	}
}
