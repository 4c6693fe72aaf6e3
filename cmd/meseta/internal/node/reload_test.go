package node_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
)

// processors is how many there are before a node is open.
var processors = runtime.GOMAXPROCS(0)

func newService(t *testing.T, log io.Writer) *node.Service {
	t.Helper()
	l, err := node.Logging{LogDir: t.TempDir()}.Open("test", log)
	if err != nil {
		t.Fatal(err)
	}
	c := node.Default(0)
	c.IP = "127.0.0.1"
	s, err := node.New(c, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// What cannot be read again stays as it was, is named in the log, and keeps nothing else from being read.
func TestReload(t *testing.T) {
	var log strings.Builder
	s := newService(t, &log)
	var order []string
	bad := errors.New("line 3 is no JSON")
	s.OnReload("lists", func() error { order = append(order, "lists"); return bad })
	s.OnReload("limits", func() error { order = append(order, "limits"); return nil })
	if err := s.Reload(); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	if strings.Join(order, " ") != "lists limits" || !strings.Contains(log.String(), "line 3 is no JSON") {
		t.Errorf("read %v, log %s", order, &log)
	}
	if s.LogFile() == "" {
		t.Error("the log has no file")
	}
}

// A node answers on its port from Open on, also for requests that came before.
func TestOpen(t *testing.T) {
	s := newService(t, io.Discard)
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + s.Addr() + "/nosuch")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound {
				err = errors.New(resp.Status)
			}
		}
		answered <- err
	}()
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) != processors+1 {
		t.Errorf("the scheduler has %d processors, and had %d before", runtime.GOMAXPROCS(0), processors)
	}
}

// TLS comes from flags or from libprocess' environment, and what is missing is named.
func TestTLSIsComplete(t *testing.T) {
	l, err := node.Logging{Quiet: true}.Open("test", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c := node.Default(0)
	c.IP, c.Cert = "127.0.0.1", "/nowhere/cert.pem"
	for _, name := range []string{"tls_key", "tls_ca"} {
		if _, err := node.New(c, l); err == nil || !strings.Contains(err.Error(), "--"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.Cert = ""
	t.Setenv("LIBPROCESS_SSL_ENABLED", "1")
	t.Setenv("LIBPROCESS_SSL_CERT_FILE", "/nowhere/cert.pem")
	t.Setenv("LIBPROCESS_SSL_KEY_FILE", "/nowhere/key.pem")
	if _, err := node.New(c, l); err == nil || !strings.Contains(err.Error(), "LIBPROCESS_SSL_CA_FILE") || strings.Contains(err.Error(), "SSL_KEY_FILE") {
		t.Errorf("%v", err)
	}
	t.Setenv("LIBPROCESS_SSL_CA_FILE", "/nowhere/ca.pem")
	if _, err := node.New(c, l); err == nil || !strings.Contains(err.Error(), "/nowhere/cert.pem") {
		t.Errorf("%v", err)
	}
}
