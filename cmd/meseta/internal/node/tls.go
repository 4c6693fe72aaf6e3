package node

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/actors/process/remote"
)

// TLS is how connections are secured. Where no flag says otherwise, libprocess' environment does: LIBPROCESS_SSL_ENABLED
// and the variables below, with or without LIBPROCESS_ in front, as in Mesos.
type TLS struct {
	// Cert is the file of this node's certificate, in PEM. It must name the address that others know the node by.
	Cert string `flag:"tls_cert" unit:"path"`
	// Key is the file of the certificate's private key, in PEM.
	Key string `flag:"tls_key" unit:"path"`
	// CA is the file of the authority that signed the certificates of all nodes, in PEM.
	CA string `flag:"tls_ca" unit:"path"`
	// RequireClientCert says whether HTTP clients have to show a certificate too; other nodes always have to.
	RequireClientCert bool `flag:"tls_require_client_cert"`
	// Downgrade says whether HTTP clients may come without TLS.
	Downgrade bool `flag:"tls_support_downgrade"`
}

// files is what is to be loaded; nil without TLS.
func (t TLS) files() (*remote.TLS, error) {
	if t.Cert == "" && t.Key == "" && t.CA == "" {
		if !sslSwitch("ENABLED") {
			if t.RequireClientCert || t.Downgrade {
				return nil, errors.New("--tls_require_client_cert and --tls_support_downgrade: of no use without --tls_cert, --tls_key and --tls_ca")
			}
			return nil, nil
		}
		t.Cert, t.Key, t.CA = ssl("CERT_FILE"), ssl("KEY_FILE"), ssl("CA_FILE")
	}
	t.RequireClientCert = t.RequireClientCert || sslSwitch("REQUIRE_CLIENT_CERT") || sslSwitch("REQUIRE_CERT")
	t.Downgrade = t.Downgrade || sslSwitch("SUPPORT_DOWNGRADE")
	var errs []error
	for _, f := range []struct{ flag, variable, value, why string }{
		{"tls_cert", "CERT_FILE", t.Cert, "there is no TLS without a certificate"},
		{"tls_key", "KEY_FILE", t.Key, "the certificate is of no use without its key"},
		{"tls_ca", "CA_FILE", t.CA, "nodes prove to each other who they are, and somebody has to vouch for it"},
	} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("--%s (or LIBPROCESS_SSL_%s) is missing: %s", f.flag, f.variable, f.why))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &remote.TLS{CertFile: t.Cert, KeyFile: t.Key, CAFile: t.CA, RequireClientCert: t.RequireClientCert, Downgrade: t.Downgrade}, nil
}

// environment is what executors need to speak to an agent with TLS, as in Mesos. Who runs them has to be able to read the
// files: others than the node's own can be named with --executor_environment_variables.
func (t TLS) environment() ([]string, error) {
	files, err := t.files()
	if err != nil || files == nil {
		return nil, err
	}
	for _, name := range []*string{&files.CertFile, &files.KeyFile, &files.CAFile} {
		if *name, err = filepath.Abs(*name); err != nil { // an executor works in its sandbox
			return nil, err
		}
	}
	return files.Variables(), nil
}

// ssl is one of libprocess' variables.
func ssl(name string) string {
	for _, prefix := range []string{"LIBPROCESS_SSL_", "SSL_"} {
		if v, ok := os.LookupEnv(prefix + name); ok {
			return strings.TrimPrefix(v, "file://")
		}
	}
	return ""
}

func sslSwitch(name string) bool {
	v := strings.ToLower(ssl(name))
	return v == "1" || v == "true"
}

// Client is how a program speaks to nodes over HTTPS; nil without TLS. It needs the authority alone; a certificate of its
// own it shows to nodes that ask for one.
func (t TLS) Client() (*tls.Config, error) {
	if t.CA == "" && t.Cert == "" && sslSwitch("ENABLED") {
		t.Cert, t.Key, t.CA = ssl("CERT_FILE"), ssl("KEY_FILE"), ssl("CA_FILE")
	}
	if t.CA == "" && t.Cert == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		authority, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("--tls_ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("--tls_ca=%s: no certificate in it", t.CA)
		}
	}
	if t.Cert != "" {
		own, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("--tls_cert and --tls_key: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
