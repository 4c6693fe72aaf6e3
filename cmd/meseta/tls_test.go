package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// office issues certificates for 127.0.0.1.
type office struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newOffice(t *testing.T, dir, name string) *office {
	o := &office{T: t, dir: dir}
	o.cert = &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	o.key = o.issue(name, o.cert, time.Hour)
	return o
}

// issue writes name.pem and name.key.
func (o *office) issue(name string, c *x509.Certificate, validity time.Duration) *ecdsa.PrivateKey {
	o.Helper()
	must := func(err error) {
		if err != nil {
			o.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	if c == nil {
		c = &x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	}
	signer := o.key
	if signer == nil {
		signer = key
	}
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<60))
	must(err)
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, c, o.cert, key.Public(), signer)
	must(err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(err)
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		must(os.WriteFile(filepath.Join(o.dir, name+file), pem.EncodeToMemory(block), 0o600))
	}
	return key
}

// client speaks HTTPS, and shows a certificate if it has one.
func (o *office) client(ca, own string) *http.Client {
	o.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	text, err := os.ReadFile(filepath.Join(o.dir, ca+".pem"))
	if err != nil || !c.RootCAs.AppendCertsFromPEM(text) {
		o.Fatal(err)
	}
	if own != "" {
		cert, err := tls.LoadX509KeyPair(filepath.Join(o.dir, own+".pem"), filepath.Join(o.dir, own+".key"))
		if err != nil {
			o.Fatal(err)
		}
		// Also where the server says that it does not know the authority.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
}

// get is the status of an answer, and the certificate that came with it; 0 if there was none.
func get(c *http.Client, url string) (int, string) {
	resp, err := c.Get(url)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.TLS == nil {
		return resp.StatusCode, ""
	}
	return resp.StatusCode, resp.TLS.PeerCertificates[0].Subject.CommonName
}

// secured are the flags of a node or command with a certificate.
func secured(name string, more ...string) []string {
	return append([]string{"--tls_cert=" + name + ".pem", "--tls_key=" + name + ".key", "--tls_ca=ca.pem"}, more...)
}

// A cluster with TLS: nodes, executors and commands speak it, whoever cannot prove who he is stays out, and SIGHUP brings a new
// certificate to connections that come from then on.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() {
		for _, p := range processesIn(t, dir) {
			pid, _, _ := strings.Cut(p, " ")
			kill(t, pid)
		}
	})
	o := newOffice(t, dir, "ca")
	for _, name := range []string{"master", "agent", "ops", "renewed"} {
		o.issue(name, nil, time.Hour)
	}
	o.issue("late", nil, -time.Hour)
	newOffice(t, dir, "forger").issue("forged", nil, time.Hour)

	master := start(t, dir, append([]string{"master", "--ip=127.0.0.1", "--port=0", "--work_dir=M"}, secured("master")...)...)
	at := master.sees(master.out, `listening on (\S+),`)
	node := func(work, name string) *program {
		return start(t, dir, append([]string{"agent", "--master=" + at, "--ip=127.0.0.1", "--port=0", "--work_dir=" + work, "--hostname=" + work,
			"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096"}, secured(name)...)...)
	}
	agent := node("A", "agent")
	agentAt := agent.sees(agent.out, `listening on (\S+),`)
	agent.sees(agent.err, `a member of the cluster`)

	t.Run("commands", func(t *testing.T) {
		p := start(t, dir, append([]string{"run", "--master=" + at}, append(secured("ops"), "--", "env; echo hi")...)...).ends(0)
		if out := p.out.String(); !strings.Contains(out, "hi\n") || strings.Contains(out, "SSL") {
			t.Errorf("a task prints %s", out)
		}
		for _, who := range []string{"ops", ""} { // a certificate of one's own is not asked for
			flags := []string{"status", "--master=" + at, "--tls_ca=ca.pem"}
			if who != "" {
				flags = append([]string{"status", "--master=" + at}, secured(who)...)
			}
			start(t, dir, flags...).ends(0)
		}
		for _, flags := range [][]string{{"--tls_ca=forger.pem"}, {}} {
			p := start(t, dir, append([]string{"status", "--master=" + at}, flags...)...)
			if p.code() == 0 {
				t.Errorf("%q: a master that has not proven who it is was believed", flags)
			}
		}
	})
	t.Run("browsers", func(t *testing.T) {
		for _, node := range []string{at, agentAt} {
			if code, _ := get(o.client("ca", ""), "https://"+node+"/version"); code != http.StatusOK {
				t.Errorf("HTTPS at %s: %d", node, code)
			}
			if code, _ := get(o.client("forger", ""), "https://"+node+"/version"); code != 0 {
				t.Errorf("%s was believed for a wrong authority's sake: %d", node, code)
			}
			if code, _ := get(http.DefaultClient, "http://"+node+"/version"); code != http.StatusBadRequest {
				t.Errorf("HTTP without TLS at %s: %d", node, code)
			}
			for _, who := range []string{"late", "forged"} {
				if code, _ := get(o.client("ca", who), "https://"+node+"/version"); code != 0 {
					t.Errorf("%s shows a certificate that is no good, and gets %d", who, code)
				}
			}
		}
	})
	t.Run("agents that cannot prove who they are", func(t *testing.T) {
		for _, name := range []string{"late", "forged"} {
			a := node("W"+name, name)
			a.sees(a.out, "listening")
			a.sees(a.err, `connection to peer lost.*tls: `)
			if strings.Contains(a.err.String(), "a member of the cluster") {
				t.Errorf("%s was admitted", name)
			}
			a.signal(syscall.SIGKILL)
			<-a.exited
		}
		if p := start(t, dir, append([]string{"agents", "--master=" + at}, secured("ops")...)...).ends(0); strings.Contains(p.out.String(), "W") {
			t.Errorf("the agents are\n%s", p.out)
		}
	})
	t.Run("a new certificate", func(t *testing.T) {
		move := func(from, to string) {
			for _, kind := range []string{".pem", ".key"} {
				text, err := os.ReadFile(filepath.Join(dir, from+kind))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, to+kind), text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, who := get(o.client("ca", ""), "https://"+at+"/version"); who != "master" {
			t.Fatalf("at first it is %q", who)
		}
		move("renewed", "master")
		master.signal(syscall.SIGHUP)
		await(t, "the new certificate is shown", func() bool {
			_, who := get(o.client("ca", ""), "https://"+at+"/version")
			return who == "renewed"
		})
		if err := os.WriteFile(filepath.Join(dir, "master.pem"), []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		master.signal(syscall.SIGHUP)
		master.sees(master.err, `the old ones stay.*what=certificates`)
		if _, who := get(o.client("ca", ""), "https://"+at+"/version"); who != "renewed" {
			t.Errorf("with a broken file it is %q", who)
		}
	})
}

// Clients may be asked for a certificate too, or let in without TLS at all.
func TestTLSFlags(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, dir, "ca")
	for _, name := range []string{"master", "ops"} {
		o.issue(name, nil, time.Hour)
	}
	for _, c := range []struct {
		flag                  string
		without, with, secure int // without TLS, with it and a certificate, with it and none
	}{
		{"--tls_require_client_cert", http.StatusBadRequest, http.StatusOK, 0},
		{"--tls_support_downgrade", http.StatusOK, http.StatusOK, http.StatusOK},
	} {
		t.Run(c.flag, func(t *testing.T) {
			master := start(t, dir, append([]string{"master", "--ip=127.0.0.1", "--port=0", "--work_dir=M" + c.flag}, secured("master", c.flag)...)...)
			at := master.sees(master.out, `listening on (\S+),`)
			if code, _ := get(http.DefaultClient, "http://"+at+"/version"); code != c.without {
				t.Errorf("without TLS: %d, want %d", code, c.without)
			}
			if code, _ := get(o.client("ca", "ops"), "https://"+at+"/version"); code != c.with {
				t.Errorf("with a certificate: %d, want %d", code, c.with)
			}
			if code, _ := get(o.client("ca", ""), "https://"+at+"/version"); code != c.secure {
				t.Errorf("with none: %d, want %d", code, c.secure)
			}
		})
	}
}
