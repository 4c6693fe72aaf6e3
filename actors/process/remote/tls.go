package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/meseta-io/meseta/actors/process"
)

// TLS names the PEM files of mutual TLS. Every node needs a certificate that is good for both server and
// client authentication, signed by CA, with the host of its advertised address among its alternative names.
type TLS struct {
	CertFile string
	KeyFile  string
	CAFile   string
}

func (t *TLS) load() (*tls.Config, error) {
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
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		RootCAs:      pool,
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS13,
	}, nil
}

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
