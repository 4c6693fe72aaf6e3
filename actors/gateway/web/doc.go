// Package web has the conventions of Mesos' HTTP side, once for all doors: how a path finds its route, in which order a
// request is checked, how bodies are read, unpacked and bounded, how answers are framed, compressed and refused, and how
// streams are written.
//
// It is an edge: handlers run in the goroutine of their connection. They read what actors have published, and ask actors
// through clients; they never run inside of one.
//
// What a route means is its own room's business, see actors/gateway. Who may come in is decided by authenticators that are
// handed in.
package web
