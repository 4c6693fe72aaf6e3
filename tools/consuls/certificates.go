package consuls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are the paths of PEM files: the authority that signed the servers', and a client's pair.
type Certificates struct {
	CA, Cert, Key string

	server, serverKey string
}

// ServerName is what the servers' certificates say, besides their addresses.
const ServerName = "server.dc1.consul"

// certify makes an authority and the two pairs that it signs.
func certify(dir string, hosts []string) (Certificates, error) {
	c := Certificates{}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, err
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "consuls"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	if c.CA, _, err = issue(dir, "ca", root, root, rootKey, rootKey); err != nil {
		return c, err
	}
	for i, name := range []string{"server", "client"} {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(2 + i)), Subject: pkix.Name{CommonName: name}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
		cert, key := &c.Cert, &c.Key
		if name == "server" {
			cert, key = &c.server, &c.serverKey
			leaf.DNSNames = []string{ServerName}
			for _, host := range hosts {
				leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(host))
			}
		}
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return c, err
		}
		if *cert, *key, err = issue(dir, name, leaf, root, own, rootKey); err != nil {
			return c, err
		}
	}
	return c, nil
}

// issue signs a certificate and writes it with its key.
func issue(dir, name string, what, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) (certPath, keyPath string, err error) {
	der, err := x509.CreateCertificate(rand.Reader, what, by, &key.PublicKey, byKey)
	if err != nil {
		return "", "", err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", "", err
	}
	certPath, keyPath = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem")
	if err := os.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return "", "", err
	}
	return certPath, keyPath, os.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600)
}
