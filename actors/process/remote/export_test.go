package remote

import "net"

// Begun is what an actor's connection is behind the port that it shares.
func Begun(c net.Conn) net.Conn { return &begun{Conn: c} }
