package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
)

// local guards a node that only its own machine can reach, and that therefore asks nobody who they are: a browser on that
// machine reaches it too, and does what any page that it shows wants. Such requests say where they come from. Programs
// that are no browsers notice nothing.
type local struct{ names map[string]bool }

// newLocal makes a guard that knows the node by some names, beside the machine's own.
func newLocal(names []string) local {
	l := local{map[string]bool{"localhost": true}}
	for _, name := range names {
		if name != "" {
			l.names[strings.ToLower(name)] = true
		}
	}
	return l
}

// admit refuses what a page of somebody else wants. A page may read what it asked its own host for, so a name that somebody
// else gave to our address (DNS rebinding) is no better than an origin elsewhere.
func (l local) admit(r *http.Request) error {
	if r.Host != "" && !l.ours(r.Host) {
		return web.Refuse(http.StatusForbidden, "This node is reached from its own machine only, and is not known as '%s': use its address, or start it with --hostname", printable(r.Host))
	}
	origins := r.Header.Values("Origin")
	for _, o := range origins {
		if !l.sameOrigin(o, r.Host) {
			return web.Refuse(http.StatusForbidden, "This node is reached from its own machine only, and a page of '%s' has no business here", printable(o))
		}
	}
	// Scripts and pictures are fetched without an origin, and what is fetched as a script can be read (jsonp).
	if site := r.Header.Get("Sec-Fetch-Site"); len(origins) == 0 && (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return web.Refuse(http.StatusForbidden, "This node is reached from its own machine only, and a page of another site has no business here")
	}
	return nil
}

// ours says whether a Host header names the node: by an address, which nobody can give another meaning, or by a name of its own.
func (l local) ours(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(bare(host), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return l.names[name] || strings.HasSuffix(name, ".localhost") // which browsers do not look up
}

// sameOrigin says whether a page comes from the node itself, as it was asked for or under another of its own names.
func (l local) sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null" too, which pages without a home have
	}
	if strings.EqualFold(withPort(u.Host, u.Scheme), withPort(host, u.Scheme)) {
		return true
	}
	name := strings.ToLower(u.Hostname())
	return name != "localhost" && l.names[name]
}

// bare takes the port from host:port and the brackets from an IPv6 address.
func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// withPort adds the port that a scheme has where none is written.
func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(bare(host), port)
}

// printable keeps what a stranger wrote short, and free of what could be more than text.
func printable(text string) string {
	text = strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune("<>&'\"", c) {
			return '?'
		}
		return c
	}, text)
	return text[:min(len(text), 100)]
}
