// Package gateway puts the HTTP doors of a node together: it knows every room that has routes, and serves them all on one
// listener behind one set of conventions (actors/gateway/web). It is the only place that knows HTTP.
//
// The doors are an edge. Reading is answered from views that actors publish; what changes something goes to an actor
// through its client. No request ever waits in an actor's mailbox behind the cluster's own work but those that change it.
package gateway
