// Package operator is the door of the master's v1 operator API: one route, every call of master.proto, and the stream of
// events. Lists of the whole cluster are encoded here from the published view, in pieces; what is to be changed goes to the
// master through its client; files and the log level are the node's own.
package operator
