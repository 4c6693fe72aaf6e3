package node

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
)

// help lists all routes, those of one process, or describes one.
func (p Parts) help(w *web.Writer, r *web.Request) {
	what, err := url.PathUnescape(r.Rest)
	if err != nil {
		w.Text(http.StatusNotFound, "")
		return
	}
	id, pattern, one := strings.Cut(what, "/")
	var found []web.Route
	for _, route := range p.All() {
		if what == "" || route.Process == id && (!one || route.Pattern == pattern) {
			found = append(found, route)
		}
	}
	if len(found) == 0 {
		w.Text(http.StatusNotFound, "")
		return
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Help</title></head><body>\n<h1>Endpoints</h1>\n<dl>\n")
	for _, route := range found {
		describe(&b, route, one)
	}
	b.WriteString("</dl>\n</body></html>\n")
	w.Bytes(http.StatusOK, "text/html", []byte(b.String()))
}

func describe(b *strings.Builder, r web.Route, whole bool) {
	path := r.Path()
	fmt.Fprintf(b, "<dt><a href=\"/help%s\">%s</a></dt>\n<dd>%s", html.EscapeString((&url.URL{Path: path}).EscapedPath()), html.EscapeString(path), html.EscapeString(r.Summary))
	if whole {
		methods := "any"
		if len(r.Methods) > 0 {
			methods = strings.Join(r.Methods, ", ")
		}
		fmt.Fprintf(b, "<p>%s</p><p>Methods: %s. ", html.EscapeString(r.Details), methods)
		if r.Realm != "" {
			fmt.Fprintf(b, "Authentication realm: %s. ", html.EscapeString(r.Realm))
		}
		if r.Leader {
			b.WriteString("Redirects to the leading master.")
		}
		b.WriteString("</p>")
	}
	b.WriteString("</dd>\n")
}
