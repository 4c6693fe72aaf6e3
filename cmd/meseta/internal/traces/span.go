package traces

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/meseta-io/meseta/messages/tracing"
)

// spans collects those that have ended. Only the goroutine that sends touches it.
type spans struct{ ended []sdk.ReadOnlySpan }

// OnStart implements sdk.SpanProcessor, as do the others.
func (s *spans) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd takes a span.
func (s *spans) OnEnd(span sdk.ReadOnlySpan) { s.ended = append(s.ended, span) }

// Shutdown does nothing.
func (s *spans) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (s *spans) ForceFlush(context.Context) error { return nil }

func (s *spans) take() []sdk.ReadOnlySpan {
	all := s.ended
	s.ended = nil
	return all
}

// names gives spans the names that their facts have, instead of names at random.
type names struct{}

type factKey struct{}

// NewIDs names a root.
func (names) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	f := ctx.Value(factKey{}).(*tracing.Fact)
	return trace.TraceID(f.Trace()), trace.SpanID(f.Span())
}

// NewSpanID names a part of something.
func (names) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return trace.SpanID(ctx.Value(factKey{}).(*tracing.Fact).Span())
}

// span makes a span of a fact; it is among the ended ones then.
func (e *Exporter) span(f *tracing.Fact) {
	ctx := context.WithValue(background, factKey{}, f)
	if parent, has := f.Parent(); has {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(f.Trace()),
			SpanID: trace.SpanID(parent), TraceFlags: trace.FlagsSampled, Remote: f.Step.Remote()}))
	}
	_, s := e.provider.Tracer("meseta").Start(ctx, f.Step.String(), trace.WithTimestamp(f.From), trace.WithAttributes(attributes(f)...))
	if f.Failure != "" {
		s.SetStatus(codes.Error, f.Failure)
	}
	s.End(trace.WithTimestamp(f.To))
}

// attributes are what is known of a fact.
func attributes(f *tracing.Fact) []attribute.KeyValue {
	all := []attribute.KeyValue{attribute.String("meseta.framework.id", f.Framework), attribute.String("meseta.task.id", f.Task)}
	for _, a := range [...]struct{ key, value string }{
		{"meseta.agent.id", f.Agent},
		{"meseta.executor.id", f.Executor},
		{"meseta.container.id", f.Container},
		{"meseta.offer.id", f.Offer},
		{"meseta.role", f.Role},
		{"meseta.task.state", f.State},
		{"meseta.update.uuid", hex.EncodeToString([]byte(f.Update))},
	} {
		if a.value != "" {
			all = append(all, attribute.String(a.key, a.value))
		}
	}
	return all
}
