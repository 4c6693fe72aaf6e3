package node

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
)

// Names in Prometheus are derived from Mesos': "meseta_" in front, and "_" for what is no letter, digit or "_". Percentiles
// of a history ("…_ms/p99") become the label quantile of one metric.

// quantiles are the percentiles that histories show.
var quantiles = map[string]string{"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p999": "0.999", "p9999": "0.9999"}

// PrometheusName is what a metric of Mesos is called in Prometheus, and its quantile if it is one.
func PrometheusName(name string) (called, quantile string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 && quantiles[name[i+1:]] != "" {
		quantile = quantiles[name[i+1:]]
		name = name[:i] + "_quantiles" // the plain name is the latest value
	}
	return "meseta_" + strings.Map(func(c rune) rune {
		if c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, name), quantile
}

// collector shows one snapshot.
type collector map[string]float64

// Describe implements prometheus.Collector: names come and go, so none is announced.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. Of two names that look alike in Prometheus the first in the alphabet is shown:
// one bad name must not hide all others.
func (c collector) Collect(out chan<- prometheus.Metric) {
	seen := map[[2]string]string{}
	for name := range c {
		called, quantile := PrometheusName(name)
		k := [2]string{called, quantile}
		if old, taken := seen[k]; !taken || name < old {
			seen[k] = name
		}
	}
	for k, name := range seen {
		var labels, values []string
		if k[1] != "" {
			labels, values = []string{"quantile"}, []string{k[1]}
		}
		desc := prometheus.NewDesc(k[0], "Mesos' "+strings.TrimSuffix(k[0], "_quantiles"), labels, nil)
		if m, err := prometheus.NewConstMetric(desc, prometheus.UntypedValue, c[name], values...); err == nil {
			out <- m
		}
	}
}

func (p Parts) prometheus(w *web.Writer, r *web.Request) {
	if !p.may(w, r, authorization.GetEndpointWithPath, "/metrics/snapshot") {
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(p.Runtime.Metrics().Snapshot()))
	families, err := registry.Gather()
	if err != nil {
		w.Text(http.StatusInternalServerError, "")
		return
	}
	var body bytes.Buffer
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	encoder := expfmt.NewEncoder(&body, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			w.Text(http.StatusInternalServerError, "")
			return
		}
	}
	w.Bytes(http.StatusOK, string(format), body.Bytes())
}
