package consuls_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/tools/consuls"
)

func start(t *testing.T, n int, o consuls.Options) *consuls.Servers {
	t.Helper()
	s, err := consuls.StartWith(t.TempDir(), n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *consuls.Servers, i int, value string) {
	t.Helper()
	if _, err := s.Call(t.Context(), i, "PUT", "/v1/kv/a", []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *consuls.Servers, i int) string {
	t.Helper()
	value, err := s.Call(t.Context(), i, "GET", "/v1/kv/a?raw&consistent", nil)
	if err != nil {
		return ""
	}
	return string(value)
}

func TestThreeServers(t *testing.T) {
	s := start(t, 3, consuls.Options{})
	put(t, s, 0, "one")
	leader := s.Leader()
	if leader < 0 {
		t.Fatal("nobody leads")
	}
	if err := s.Kill(leader); err != nil {
		t.Fatal(err)
	}
	if s.Running(leader) {
		t.Fatal("it runs still")
	}
	if err := s.Ready(); err != nil {
		t.Fatal(err)
	}
	if next := s.Leader(); next == leader || next < 0 {
		t.Fatalf("%d leads after %d", next, leader)
	}
	put(t, s, (leader+1)%3, "two")
	if err := s.Restart(leader); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Fatal(err)
	}
	if value := get(t, s, leader); value != "two" {
		t.Fatalf("the server that came back has %q", value)
	}
}

func TestStopAndContinue(t *testing.T) {
	s := start(t, 1, consuls.Options{})
	put(t, s, 0, "one")
	if err := s.Stop(0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Call(ctx, 0, "GET", "/v1/kv/a?raw", nil); err == nil {
		t.Fatal("a stopped server answered")
	}
	if err := s.Continue(0); err != nil {
		t.Fatal(err)
	}
	if value := get(t, s, 0); value != "one" {
		t.Fatalf("it has %q", value)
	}
}

func TestWipeAndRestore(t *testing.T) {
	s := start(t, 1, consuls.Options{})
	put(t, s, 0, "one")
	backup, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 0, "two")
	if err := s.Restore(backup); err != nil {
		t.Fatal(err)
	}
	if value := get(t, s, 0); value != "one" {
		t.Fatalf("restored, it has %q", value)
	}
	if err := s.Wipe(); err != nil {
		t.Fatal(err)
	}
	if value := get(t, s, 0); value != "" {
		t.Fatalf("wiped, it has %q", value)
	}
}

func TestTokenAndTLS(t *testing.T) {
	s := start(t, 1, consuls.Options{Token: "11111111-2222-3333-4444-555555555555", TLS: true, SessionTTLMin: time.Second})
	put(t, s, 0, "one")
	if _, err := s.Call(t.Context(), 0, "PUT", "/v1/session/create", []byte(`{"TTL":"1s","NodeChecks":[]}`)); err != nil {
		t.Errorf("a short session: %v", err)
	}
	if s.Certificates.CA == "" || !strings.HasSuffix(s.Addresses[0], ":8501") {
		t.Errorf("%v at %s", s.Certificates, s.Addresses)
	}
}
