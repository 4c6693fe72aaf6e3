// Package collector is an OpenTelemetry collector for tests: it takes traces over OTLP and HTTP on loopback, and keeps what
// it gets. Nothing but tests uses it.
package collector

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that has arrived.
type Span struct {
	*tracepb.Span
	Service    string
	Attributes map[string]string
}

// ID is the span's own name.
func (s Span) ID() string { return hex.EncodeToString(s.SpanId) }

// Parent is the name of what it is a part of, empty for a root.
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Failed says whether the step failed.
func (s Span) Failed() bool { return s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR }

// Collector keeps spans.
type Collector struct {
	// URL is where it is, without a path.
	URL string

	mu    sync.Mutex
	spans []Span
	wrong []error
}

// Start starts one that ends with the test.
func Start(t testing.TB) *Collector {
	c := &Collector{}
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		server.Close()
		for _, err := range c.wrong {
			t.Errorf("the collector got something wrong: %v", err)
		}
	})
	c.URL = server.URL
	return c
}

// Spans are those that have arrived.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// ServeHTTP takes a request.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := read(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.wrong = append(c.wrong, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, rs := range request.GetResourceSpans() {
		service := texts(rs.GetResource().GetAttributes())["service.name"]
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				c.spans = append(c.spans, Span{s, service, texts(s.GetAttributes())})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	answer, _ := proto.Marshal(&collectorpb.ExportTraceServiceResponse{})
	_, _ = w.Write(answer)
}

// read is strict: what it takes, any collector takes.
func read(r *http.Request) (*collectorpb.ExportTraceServiceRequest, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s %s with %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	request := &collectorpb.ExportTraceServiceRequest{}
	return request, proto.Unmarshal(data, request)
}

func texts(attributes []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}
