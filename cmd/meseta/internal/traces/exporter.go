// Package traces sends the steps of tasks to an OpenTelemetry collector, as spans over OTLP and HTTP. It is the only place
// that knows OpenTelemetry. Whoever tells a step is never kept: a step waits in a bounded queue for one goroutine, and
// where there is no room it is dropped and counted.
package traces

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/tracing"
)

const (
	// capacity is how many steps may wait, some 250 bytes each: the tasks of about 300 launches.
	capacity = 4096
	// most is how many are sent together, after what has come in a lull of linger at the latest.
	most   = 512
	linger = time.Second
	// patience is how long a collector may take for one request, retries included.
	patience = 10 * time.Second
	// parting is how long the last steps may take when the node ends.
	parting = time.Second
)

// Config is where the steps go, and who tells them.
type Config struct {
	URL      string  // of the collector, /v1/traces included
	Sampling float64 // the share of the tasks that are traced, 0 to 1
	Service  string  // service.name
	Instance string  // service.instance.id: the address of the node
	Version  string  // service.version
}

// Exporter is a tracing.Tracer that sends what it is told.
type Exporter struct {
	url     string
	log     *slog.Logger
	sampler sdk.Sampler
	queue   chan tracing.Fact

	spans    spans
	provider *sdk.TracerProvider
	exporter sdk.SpanExporter
	failing  bool // the last request was in vain

	ctx    context.Context // of requests
	cancel context.CancelFunc
	stop   chan struct{}
	once   sync.Once
	done   chan struct{}

	sent, dropped, lost *metrics.Counter
}

// New begins to send. Close ends it. Headers, certificates and compression are taken from OpenTelemetry's standard
// variables, OTEL_EXPORTER_OTLP_HEADERS and so on.
func New(c Config, numbers *metrics.Registry, log *slog.Logger) (*Exporter, error) {
	ctx, cancel := context.WithCancel(context.Background())
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.URL))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("traces cannot be sent to %s: %w", c.URL, err)
	}
	e := &Exporter{
		url: c.URL, log: log, sampler: sdk.TraceIDRatioBased(c.Sampling), queue: make(chan tracing.Fact, capacity),
		exporter: exporter, ctx: ctx, cancel: cancel, stop: make(chan struct{}), done: make(chan struct{}),
		sent: numbers.Counter("traces/spans_sent"), dropped: numbers.Counter("traces/spans_dropped"), lost: numbers.Counter("traces/spans_lost"),
	}
	// What a collector took only in part, and what of the standard variables cannot be read.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	e.provider = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(names{}), sdk.WithSpanProcessor(&e.spans),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", c.Service),
			attribute.String("service.instance.id", c.Instance), attribute.String("service.version", c.Version))))
	go e.run()
	return e, nil
}

// Note implements tracing.Tracer. All processes that trace the same share of tasks trace the same tasks.
func (e *Exporter) Note(f tracing.Fact) {
	if e.sampler.ShouldSample(sdk.SamplingParameters{ParentContext: background, TraceID: [16]byte(f.Trace())}).Decision == sdk.Drop {
		return
	}
	select {
	case e.queue <- f:
	default:
		e.dropped.Inc()
	}
}

var background = context.Background()

// run sends until Close.
func (e *Exporter) run() {
	defer close(e.done)
	for {
		select {
		case f := <-e.queue:
			e.send(e.gather(f))
		case <-e.stop:
			e.rest()
			return
		}
	}
}

// gather waits a moment for company.
func (e *Exporter) gather(first tracing.Fact) []tracing.Fact {
	facts := []tracing.Fact{first}
	late := time.NewTimer(linger)
	defer late.Stop()
	for len(facts) < most {
		select {
		case f := <-e.queue:
			facts = append(facts, f)
		case <-late.C:
			return facts
		case <-e.stop:
			return facts
		}
	}
	return facts
}

// rest sends what is left.
func (e *Exporter) rest() {
	for {
		var facts []tracing.Fact
		for len(facts) < most && len(e.queue) > 0 {
			facts = append(facts, <-e.queue)
		}
		if len(facts) == 0 {
			return
		}
		e.send(facts)
	}
}

// send makes spans of facts and waits for the collector. What it does not take is lost: a node must not fill up with what
// only helps to understand it.
func (e *Exporter) send(facts []tracing.Fact) {
	for i := range facts {
		e.span(&facts[i])
	}
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	err := e.exporter.ExportSpans(ctx, e.spans.take())
	switch {
	case err != nil && !e.failing:
		e.log.Warn("traces cannot be sent; they are dropped until the collector is back", "to", e.url, "error", err)
	case err == nil && e.failing:
		e.log.Info("traces are sent again", "to", e.url)
	}
	if e.failing = err != nil; e.failing {
		e.lost.Add(int64(len(facts)))
		return
	}
	e.sent.Add(int64(len(facts)))
}

// Close sends what is left, within a second, and ends.
func (e *Exporter) Close() error {
	e.once.Do(func() {
		defer e.cancel()
		late := time.AfterFunc(parting, e.cancel)
		defer late.Stop()
		close(e.stop)
		<-e.done
	})
	// The requests are over; a collector that did not answer is no reason to end badly.
	_ = e.exporter.Shutdown(context.Background())
	return nil
}
