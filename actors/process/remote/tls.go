package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"

	"github.com/meseta-io/meseta/actors/process"
)

// TLS names the PEM files of mutual TLS. Every node needs a certificate that is good for both server and
// client authentication, signed by CA, with the host of its advertised address among its alternative names.
type TLS struct {
	CertFile string
	KeyFile  string
	CAFile   string
	// RequireClientCert demands a certificate of HTTP clients too. Actor runtimes always have to show one.
	RequireClientCert bool
	// Downgrade lets HTTP clients in that do not speak TLS. Actor runtimes never may.
	Downgrade bool
}

// What is agreed on in the handshake. Actor runtimes offer h2 alone.
const (
	protocolActors = "h2"
	protocolHTTP   = "http/1.1"
)

// identity is what the files of a TLS say at one moment.
type identity struct {
	client    *tls.Config // towards other runtimes
	server    *tls.Config // for both doors
	downgrade bool
}

func (t *TLS) load() (*identity, error) {
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate authority %s: no PEM certificate in it", t.CAFile)
	}
	actors := &tls.Config{
		Certificates: []tls.Certificate{cert},
		RootCAs:      pool,
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{protocolActors},
	}
	http := actors.Clone()
	http.MinVersion = tls.VersionTLS12 // the libraries of old clients have no newer one
	http.NextProtos = []string{protocolHTTP}
	if !t.RequireClientCert {
		http.ClientAuth = tls.VerifyClientCertIfGiven
	}
	id := &identity{client: actors, server: http.Clone(), downgrade: t.Downgrade}
	id.server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if asksForActors(hello) {
			return actors, nil
		}
		return http, nil
	}
	return id, nil
}

// Reload reads the files again. Connections that come from now on see what they say; those that are stay. On an error
// nothing changes.
func (t *Transport) Reload() error {
	if t.config.TLS == nil {
		return nil
	}
	id, err := t.config.TLS.load()
	if err == nil {
		t.tls.Store(id)
	}
	return err
}

// shaken are the credentials of a server whose connections have done their handshake already.
type shaken struct {
	credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials.
func (shaken) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, ok := c.(*tls.Conn)
	if !ok {
		return nil, nil, errPlainActor
	}
	return c, credentials.TLSInfo{
		State:          secure.ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

// ClientHandshake implements credentials.TransportCredentials. A server has none.
func (shaken) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("not a client")
}

// Clone implements credentials.TransportCredentials.
func (s shaken) Clone() credentials.TransportCredentials { return s }

var errNoCertificate = errors.New("the peer showed no certificate")

// principalOf is who a verified certificate names, after checking that it may speak for addr.
func principalOf(state tls.ConnectionState, addr string) (process.Principal, error) {
	if len(state.PeerCertificates) == 0 {
		return process.Principal{}, errNoCertificate
	}
	cert := state.PeerCertificates[0]
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return process.Principal{}, fmt.Errorf("peer address %q: %w", addr, err)
	}
	if err := cert.VerifyHostname(host); err != nil {
		return process.Principal{}, fmt.Errorf("peer address %s is not its certificate's: %w", addr, err)
	}
	p := process.Principal{Name: cert.Subject.CommonName, Claims: map[string]string{"address": addr}}
	if len(cert.Subject.Organization) > 0 {
		p.Claims["organization"] = cert.Subject.Organization[0]
	}
	if len(cert.URIs) > 0 {
		p.Claims["uri"] = cert.URIs[0].String()
	}
	return p, nil
}
