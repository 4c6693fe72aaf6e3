// Package node has the endpoints that every node serves, whatever lives on it: its health, its version, its flags, its
// numbers, its log level, the list of its processes, and help about all routes.
//
// None of them asks an actor: a node whose actors are busy or stuck still says how it is.
package node
