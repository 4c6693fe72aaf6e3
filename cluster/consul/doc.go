// Package consul is the cluster of several masters: leadership and the registry are kept in Consul.
//
// A candidate owns a session that expires unless it is renewed, and leads while that session holds the lock
// `<prefix>/leader`. Its own lease runs on a local clock from the start of the last renewal that was
// answered, for the session's TTL; Consul waits twice as long, so a running leader always stops before another
// can begin. A stopped one (SIGSTOP, a paused virtual machine) believes in its term until it looks at the clock
// again, which is why every write of the registry is one transaction that checks the session: whatever a
// deposed master sends changes nothing.
//
// The election is a machine without threads, clock or chance of its own: it is driven by the answers of a Wire
// and the alarms of a Clock, in production over HTTP, in simulations by a model of Consul. Only Load, Apply and
// Resign block, in the caller's goroutine.
//
// docs/decisions/0014-leadership-on-consul.md has the reasons.
package consul
