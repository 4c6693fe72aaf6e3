package legacy

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// resourceForm is what all forms about resources have: an agent, and a list of resources.
type resourceForm struct {
	agent             *mesospb.AgentID
	resources, source []*mesospb.Resource
}

// Resources are /reserve, /unreserve, /create-volumes and /destroy-volumes.
func Resources(master Asker, limits wire.Limits) []web.Route {
	c := &changes{master, limits}
	return []web.Route{
		c.resources("reserve", "Reserve resources dynamically on a specific agent.", "resources", func(f resourceForm) *masterpb.Call {
			return &masterpb.Call{Type: masterpb.Call_RESERVE_RESOURCES.Enum(),
				ReserveResources: &masterpb.Call_ReserveResources{AgentId: f.agent, Source: f.source, Resources: f.resources}}
		}),
		c.resources("unreserve", "Unreserve resources dynamically on a specific agent.", "resources", func(f resourceForm) *masterpb.Call {
			return &masterpb.Call{Type: masterpb.Call_UNRESERVE_RESOURCES.Enum(),
				UnreserveResources: &masterpb.Call_UnreserveResources{AgentId: f.agent, Resources: f.resources}}
		}),
		c.resources("create-volumes", "Create persistent volumes on reserved resources.", "volumes", func(f resourceForm) *masterpb.Call {
			return &masterpb.Call{Type: masterpb.Call_CREATE_VOLUMES.Enum(),
				CreateVolumes: &masterpb.Call_CreateVolumes{AgentId: f.agent, Volumes: f.resources}}
		}),
		c.resources("destroy-volumes", "Destroy persistent volumes.", "volumes", func(f resourceForm) *masterpb.Call {
			return &masterpb.Call{Type: masterpb.Call_DESTROY_VOLUMES.Enum(),
				DestroyVolumes: &masterpb.Call_DestroyVolumes{AgentId: f.agent, Volumes: f.resources}}
		}),
	}
}

// resources is a door that takes a form and answers 202 when the agent was told: it does its part later.
func (c *changes) resources(pattern, summary, list string, call func(resourceForm) *masterpb.Call) web.Route {
	return c.route(pattern, summary, func(w *web.Writer, r *web.Request) {
		form, err := c.resourceForm(r, list)
		if err == nil {
			_, err = c.ask(r, call(form))
		}
		if err != nil {
			w.Error(err)
			return
		}
		w.Empty(http.StatusAccepted)
	}, http.MethodPost)
}

// resourceForm reads the body of such a request. Only reservations have a source.
func (c *changes) resourceForm(r *web.Request, list string) (f resourceForm, err error) {
	values, err := r.Form()
	if err != nil {
		return f, err
	}
	agent, given := values["slaveId"]
	if !given {
		return f, missing("slaveId")
	}
	f.agent = &mesospb.AgentID{Value: proto.String(agent)}
	if _, given := values[list]; !given {
		return f, missing(list)
	}
	if f.resources, err = c.resourceList(list, values[list]); err != nil {
		return f, err
	}
	if source, given := values["source"]; given && list == "resources" {
		f.source, err = c.resourceList("source", source)
	}
	return f, err
}

func (c *changes) resourceList(field, text string) ([]*mesospb.Resource, error) {
	list, err := wire.DecodeJSONList[*mesospb.Resource]([]byte(text), c.limits)
	if err != nil {
		return nil, web.Refuse(http.StatusBadRequest, "Error parsing '%s' query parameter in the request body: %s", field, web.Reason(err))
	}
	return list, nil
}

func missing(field string) error {
	return web.Refuse(http.StatusBadRequest, "Missing '%s' query parameter in the request body", field)
}
