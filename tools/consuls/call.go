package consuls

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Call sends one request to a server's HTTP API, with the token and certificate that it asks for, and returns
// the body of an answer with status 200.
func (s *Servers) Call(ctx context.Context, i int, method, path string, body []byte) ([]byte, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	scheme := "http"
	if s.options.TLS {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+"://"+s.Addresses[i]+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if s.options.Token != "" {
		r.Header.Set("X-Consul-Token", s.options.Token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.200s", method, path, answer.Status, text)
	}
	return text, err
}

func (s *Servers) client() (*http.Client, error) {
	transport := &http.Transport{}
	if s.options.TLS {
		authority, err := os.ReadFile(s.Certificates.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authority) {
			return nil, errors.New("the authority's certificate cannot be read")
		}
		pair, err := tls.LoadX509KeyPair(s.Certificates.Cert, s.Certificates.Key)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
	}
	return &http.Client{Transport: transport}, nil
}
