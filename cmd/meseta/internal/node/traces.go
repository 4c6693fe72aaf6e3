package node

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/meseta-io/meseta/cmd/meseta/internal/traces"
	"github.com/meseta-io/meseta/messages/fault"
)

// Traces is where the way of tasks from their offers to running is told, if anywhere.
type Traces struct {
	// OTLPEndpoint is an OpenTelemetry collector that hears how tasks come from their offers to running, as in
	// http://127.0.0.1:4318. Empty: the one that OTEL_EXPORTER_OTLP_ENDPOINT names, if any.
	OTLPEndpoint string `flag:"otlp_endpoint"`
	// OTLPSampling is the share of the tasks that are traced, 0 to 1. Masters and agents with the same share trace the same
	// tasks.
	OTLPSampling float64 `flag:"otlp_sampling"`
}

// DefaultTraces is none.
func DefaultTraces() Traces { return Traces{OTLPSampling: 1} }

// tracesPath is where collectors take traces.
const tracesPath = "/v1/traces"

// Validate reports what is wrong.
func (t Traces) Validate() error {
	if !(t.OTLPSampling >= 0 && t.OTLPSampling <= 1) { // nor is it no number
		return fmt.Errorf("--otlp_sampling=%v: a share from 0 to 1 expected: %w", t.OTLPSampling, fault.ErrInvalid)
	}
	if t.OTLPEndpoint == "" {
		return nil
	}
	if err := collector(t.OTLPEndpoint); err != nil {
		return fmt.Errorf("--otlp_endpoint: %w", err)
	}
	return nil
}

// collector checks an address of a collector. It may be shown, so it has no password in it.
func collector(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the address of a collector, as in http://127.0.0.1:4318, expected: %w", fault.ErrInvalid)
	case u.User != nil:
		return fmt.Errorf("an address without a password expected; say it with OTEL_EXPORTER_OTLP_HEADERS: %w", fault.ErrInvalid)
	}
	return nil
}

// url is where traces go, in full; "" for nowhere. A variable of the environment that is of no use is no reason not to
// start, because it may be meant for others.
func (t Traces) url(warn func(string, ...any)) string {
	if t.OTLPEndpoint != "" {
		return strings.TrimSuffix(t.OTLPEndpoint, "/") + tracesPath
	}
	name, text := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); text == "" && base != "" {
		name, text = "OTEL_EXPORTER_OTLP_ENDPOINT", strings.TrimSuffix(base, "/")+tracesPath
	}
	if text == "" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return ""
	}
	protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	if protocol != "http/protobuf" {
		warn("traces are off", "because", "the environment asks for a protocol that is not spoken here; http/protobuf is", "protocol", protocol)
		return ""
	}
	if err := collector(text); err != nil {
		warn("traces are off", "variable", name, "error", err)
		return ""
	}
	return text
}

// Trace makes those who are added from now on tell how tasks come to run, if somebody is to hear it. service is what
// they are called there.
func (s *Service) Trace(t Traces, service string) error {
	to := t.url(s.log.Warn)
	if to == "" {
		return nil
	}
	e, err := traces.New(traces.Config{URL: to, Sampling: t.OTLPSampling, Service: service, Instance: s.Addr(),
		Version: version().GetVersion()}, s.rt.Metrics(), s.log.Logger)
	if err != nil {
		return err
	}
	s.log.Info("traces are sent", "to", to, "sampling", t.OTLPSampling)
	s.tracer = e
	s.close = append(s.close, e.Close)
	return nil
}
