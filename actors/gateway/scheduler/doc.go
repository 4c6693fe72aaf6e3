// Package scheduler is the door for schedulers: the v1 scheduler API over HTTP, in front of the handlers that serve native
// framework actors.
//
// For each subscription a small actor stands in for the framework. The master sends it the very events that it sends to
// native frameworks, and notices its end as it notices theirs; a bounded queue lies between it and the stream, so that a
// client that does not read costs the master nothing and is cut off. Every other call is said to the master in the name of
// that actor, which the client names by its Mesos-Stream-Id; who may speak for a framework is the master's to know, and
// asked anew with each call, so that a stream id is worth nothing the moment another scheduler took over.
//
// What is only HTTP is here: media types, stream ids, status codes, sentences. What a call means is the master's.
package scheduler
