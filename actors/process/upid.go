package process

import (
	"fmt"
	"net"
	"strings"
)

// UPID names a process anywhere in the cluster: its id and the address of the runtime that it lives in. It is
// a plain value, comparable and fit for a map key. The zero UPID means nobody.
type UPID struct{ ID, Addr string }

// LocalAddr is the address of a runtime without a transport. Nothing outside can reach it.
const LocalAddr = "local"

// ParseUPID reads "id@host:port". The id may hold anything but white space, "@" included,
// and up to 512 bytes.
func ParseUPID(s string) (UPID, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return UPID{}, fmt.Errorf("upid %q: no '@' between id and address", s)
	}
	u := UPID{ID: s[:at], Addr: s[at+1:]}
	if !isID(u.ID) {
		return UPID{}, fmt.Errorf("upid %q: the id is empty, too long or has white space", s)
	}
	if u.Addr == LocalAddr {
		return u, nil
	}
	host, port, err := net.SplitHostPort(u.Addr)
	if err != nil || host == "" || !isPort(port) {
		return UPID{}, fmt.Errorf("upid %q: the address is not host:port", s)
	}
	return u, nil
}

// maxID bounds an id, because names are kept for as long as a connection lives.
const maxID = 512

func isID(s string) bool { return s != "" && len(s) <= maxID && !strings.ContainsAny(s, " \t\r\n") }

// isPort accepts 0 to 65535 in plain digits; service names are not ports here.
func isPort(s string) bool {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 65535 {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return s != "" && n <= 65535
}

// String gives "id@addr", or "" for nobody.
func (u UPID) String() string {
	if u.IsZero() {
		return ""
	}
	return u.ID + "@" + u.Addr
}

// IsZero says whether u names nobody.
func (u UPID) IsZero() bool { return u == UPID{} }
