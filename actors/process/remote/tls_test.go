package remote_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/remote"
)

// authority signs certificates for tests.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key = a.newKey()
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate for a name, good for an IP address and for a time.
func (a *authority) issue(name, ip string, validity time.Duration) *remote.TLS {
	a.t.Helper()
	a.n++
	key := a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.n), Subject: pkix.Name{CommonName: name, Organization: []string{"meseta"}},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(validity), IPAddresses: []net.IP{net.ParseIP(ip)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &remote.TLS{
		CertFile: a.write(name+".pem", "CERTIFICATE", der),
		KeyFile:  a.write(name+".key", "EC PRIVATE KEY", keyDER),
		CAFile:   filepath.Join(a.dir, "ca.pem"),
	}
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue("good", "127.0.0.1", time.Hour)
	n := newNode(t, remote.Config{TLS: good})

	t.Run("two nodes with certificates, and who it was", func(t *testing.T) {
		a := newNode(t, remote.Config{TLS: ca.issue("agent", "127.0.0.1", time.Hour)})
		a.send(n.ears.UPID, str("x"))
		got := receive(t, n.heard)
		if got.who.Name != "agent" || got.who.Claims["organization"] != "meseta" || got.who.Claims["address"] != a.Addr() {
			t.Errorf("principal %+v", got.who)
		}
	})

	for name, c := range map[string]*remote.TLS{
		"without a certificate":                 nil,
		"with one of another authority":         newAuthority(t).issue("stranger", "127.0.0.1", time.Hour),
		"with one that has expired":             ca.issue("expired", "127.0.0.1", -time.Hour),
		"with one of a node at another address": ca.issue("elsewhere", "10.1.2.3", time.Hour),
	} {
		t.Run("a peer "+name+" is refused, in both directions", func(t *testing.T) {
			a := newNode(t, remote.Config{TLS: c})
			a.link(n.ears.UPID)
			receive(t, a.exits)
			n.link(a.ears.UPID)
			receive(t, n.exits)
			if len(n.heard) != 0 || len(a.heard) != 0 {
				t.Error("a message came through")
			}
		})
	}

	t.Run("an older version of the protocol is refused", func(t *testing.T) {
		old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}} // whom it talks to is not the question here
		if c, err := tls.Dial("tcp", n.Addr(), old); err == nil {
			_ = c.Close()
			t.Error("accepted")
		}
	})

	t.Run("a peer that never begins the handshake is hung up on", func(t *testing.T) {
		m := newNode(t, remote.Config{TLS: good, GreetTime: 1e8})
		c, err := net.Dial("tcp", m.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		for err == nil { // until the node hangs up
			_, err = c.Read(make([]byte, 1024))
		}
		a := newNode(t, remote.Config{TLS: ca.issue("another", "127.0.0.1", time.Hour)})
		a.send(m.ears.UPID, str("x"))
		receive(t, m.heard)
	})
}
