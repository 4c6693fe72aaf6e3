package node

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/wire"
)

// settings are the flags, sorted by name. Values are texts, whatever the flag counts.
func (p Parts) settings() ([]string, map[string]string) {
	if p.Flags == nil {
		return nil, nil
	}
	all := p.Flags()
	return slices.Sorted(maps.Keys(all)), all
}

func (p Parts) flags(w *web.Writer, r *web.Request) {
	// Mesos looks at the method only where it has to ask somebody.
	if p.Authorizer != nil && r.Method != http.MethodGet {
		w.MethodNotAllowed(r, http.MethodGet)
		return
	}
	if !p.may(w, r, authorization.ViewFlags, "") {
		return
	}
	names, all := p.settings()
	w.JSON(r, func(b *web.Buffer) {
		b.B = append(b.B, `{"flags":{`...)
		for i, name := range names {
			b.B = key(b.B, i, name)
			b.B = wire.AppendString(b.B, all[name])
		}
		b.B = append(b.B, "}}"...)
	})
}

func (p Parts) version(w *web.Writer, r *web.Request) {
	v := p.Version
	w.JSON(r, func(b *web.Buffer) {
		n := 0
		text := func(name, value string) {
			if value != "" {
				b.B = key(b.B, n, name)
				b.B = wire.AppendString(b.B, value)
				n++
			}
		}
		b.B = append(b.B, '{')
		b.B = wire.AppendString(key(b.B, n, "build_date"), v.GetBuildDate())
		n++
		b.B = wire.AppendDouble(key(b.B, n, "build_time"), v.GetBuildTime())
		n++
		text("build_user", v.GetBuildUser())
		text("git_branch", v.GetGitBranch())
		text("git_sha", v.GetGitSha())
		text("git_tag", v.GetGitTag())
		text("version", v.GetVersion())
		b.B = append(b.B, '}')
	})
}

func (p Parts) snapshot(w *web.Writer, r *web.Request) {
	if !p.may(w, r, authorization.GetEndpointWithPath, "/metrics/snapshot") {
		return
	}
	if text, given := r.Query("timeout"); given {
		if _, err := durations.Parse(text); err != nil {
			w.Text(http.StatusBadRequest, "Invalid timeout '"+text+"': "+web.Reason(err)+".\n")
			return
		}
	}
	w.JSON(r, func(b *web.Buffer) { b.B = numbers(b.B, p.Runtime.Metrics().Snapshot()) })
}

// system shows the metrics of the machine under the names that the endpoint has for them.
func (p Parts) system(w *web.Writer, r *web.Request) {
	stats := map[string]float64{}
	for name, v := range p.Runtime.Metrics().Snapshot() {
		if name, ok := strings.CutPrefix(name, "system/"); ok {
			if strings.HasPrefix(name, "load_") {
				name = "avg_" + name
			}
			stats[name] = v
		}
	}
	w.JSON(r, func(b *web.Buffer) { b.B = numbers(b.B, stats) })
}

// numbers writes an object of numbers, sorted by name. Nothing else may be in it: exporters read it as such.
func numbers(dst []byte, values map[string]float64) []byte {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(values)) {
		dst = key(dst, i, name)
		dst = wire.AppendDouble(dst, values[name])
	}
	return append(dst, '}')
}

func key(dst []byte, i int, name string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return append(wire.AppendString(dst, name), ':')
}
