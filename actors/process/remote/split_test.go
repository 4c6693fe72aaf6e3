package remote_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// web is a transport whose HTTP side says hello.
func web(t *testing.T, c remote.Config) (*remote.Transport, string) {
	t.Helper()
	c.HTTP = true
	transport, err := remote.New(c)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := process.New(process.Config{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") })}
	served := make(chan struct{})
	go func() { _ = server.Serve(transport.HTTP()); close(served) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
		_ = rt.Shutdown(t.Context())
	})
	return transport, rt.Addr()
}

func hello(url string, c *tls.Config) error {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 1 {
		return &net.AddrError{Err: resp.Proto + " " + resp.Status, Addr: url}
	}
	return nil
}

// pool is the client's side of an authority, with a certificate of its own or without.
func (a *authority) client(own *remote.TLS) *tls.Config {
	a.t.Helper()
	pem, err := os.ReadFile(a.dir + "/ca.pem")
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := &tls.Config{RootCAs: pool}
	if own != nil {
		cert, err := tls.LoadX509KeyPair(own.CertFile, own.KeyFile)
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c
}

func TestHTTPOverTLS(t *testing.T) {
	ca := newAuthority(t)
	own := ca.issue("client", "127.0.0.1", time.Hour)
	for _, c := range []struct {
		name               string
		require, downgrade bool
		bare, mutual, open bool // who gets in
	}{
		{"by default clients need no certificate, but TLS", false, false, true, true, false},
		{"mutual", true, false, false, true, false},
		{"with downgrade", false, true, true, true, true},
		{"mutual, or no TLS", true, true, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := ca.issue("node", "127.0.0.1", time.Hour)
			files.RequireClientCert, files.Downgrade = c.require, c.downgrade
			_, addr := web(t, remote.Config{TLS: files})
			for _, who := range []struct {
				name, url string
				client    *tls.Config
				want      bool
			}{
				{"without a certificate", "https://" + addr, ca.client(nil), c.bare},
				{"with one", "https://" + addr, ca.client(own), c.mutual},
				{"with a stranger's", "https://" + addr, ca.client(newAuthority(t).issue("stranger", "127.0.0.1", time.Hour)), false},
				{"without TLS", "http://" + addr, nil, c.open},
			} {
				if err := hello(who.url, who.client); (err == nil) != who.want {
					t.Errorf("%s: %v", who.name, err)
				}
			}
		})
	}
}

// A certificate that is replaced on disk is shown to the next client; one that cannot be read changes nothing.
func TestReload(t *testing.T) {
	ca := newAuthority(t)
	files := ca.issue("node", "127.0.0.1", -time.Hour)
	transport, addr := web(t, remote.Config{TLS: files})
	if err := hello("https://"+addr, ca.client(nil)); err == nil {
		t.Fatal("an expired certificate was taken")
	}
	fresh := ca.issue("fresh", "127.0.0.1", time.Hour)
	for from, to := range map[string]string{fresh.CertFile: files.CertFile, fresh.KeyFile: files.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := transport.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := hello("https://"+addr, ca.client(nil)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(files.CertFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := transport.Reload(); err == nil {
		t.Error("nonsense was read")
	}
	if err := hello("https://"+addr, ca.client(nil)); err != nil {
		t.Error(err)
	}
}

// A runtime that serves no HTTP hangs up on it.
func TestNoHTTP(t *testing.T) {
	n := newNode(t, remote.Config{})
	if err := hello("http://"+n.Addr(), nil); err == nil {
		t.Error("answered")
	}
}
