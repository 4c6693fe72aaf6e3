// Package realms says who guards which of a node's HTTP endpoints: a realm is a group of routes for which clients prove
// alike who they are. It knows Mesos' names for them and Mesos' flags about them; how a proof works is the business of
// actors/process/authn, and what somebody may do who has proven who he is that of messages/authorization.
package realms

import (
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/meseta-io/meseta/actors/process"
)

// The realms of Mesos.
const (
	MasterReadonly        = "mesos-master-readonly"
	MasterReadwrite       = "mesos-master-readwrite"
	MasterScheduler       = "mesos-master-scheduler"
	AgentReadonly         = "mesos-agent-readonly"
	AgentReadwrite        = "mesos-agent-readwrite"
	AgentExecutor         = "mesos-agent-executor"
	AgentResourceProvider = "mesos-agent-resource-provider"
)

// All are the realms that there are.
var All = []string{MasterReadonly, MasterReadwrite, MasterScheduler, AgentReadonly, AgentReadwrite, AgentExecutor, AgentResourceProvider}

// Guards are who checks the clients of each realm. A realm that is not there is open.
type Guards map[string]process.Authenticator

// Realms are guards that can be replaced while requests come in. The zero value leaves everything open.
type Realms struct{ now atomic.Pointer[Guards] }

// Add puts guards beside those that are there, or in their place. A master and agents may share a node.
func (r *Realms) Add(more Guards) {
	all := Guards{}
	if before := r.now.Load(); before != nil {
		maps.Copy(all, *before)
	}
	maps.Copy(all, more)
	r.now.Store(&all)
}

// Authenticator is who guards a realm now, or nil.
func (r *Realms) Authenticator(realm string) process.Authenticator {
	if all := r.now.Load(); all != nil {
		return (*all)[realm]
	}
	return nil
}

// named refuses those who have proven something, but have no name: lists of what is allowed know names only.
func named(check process.Authenticator, who string) process.Authenticator {
	return func(r *http.Request) (process.Principal, *process.Response) {
		p, refusal := check(r)
		if refusal == nil && p.Name == "" && len(p.Claims) > 0 {
			return process.Principal{}, &process.Response{Status: http.StatusForbidden,
				Body: []byte("The request's authenticated principal contains claims, but no value string. The " + who + " currently requires that principals have a value")}
		}
		return p, refusal
	}
}

// unknown are the names in a list that are none of those that there are.
func unknown(names []string, there ...string) (bad []string) {
	for _, name := range names {
		if !slices.Contains(there, name) {
			bad = append(bad, name)
		}
	}
	return bad
}
