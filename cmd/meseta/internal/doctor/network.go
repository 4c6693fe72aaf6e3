package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Port checks that an address can be listened on, or that a node of Meseta's or Mesos' already does.
func (m Machine) Port(ip string, port uint16, secured *tls.Config) Check {
	name := fmt.Sprintf("port %d", port)
	return Check{name, func(ctx context.Context) []Finding {
		at := net.JoinHostPort(ip, strconv.Itoa(int(port)))
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
		switch {
		case err == nil:
			l.Close()
			return []Finding{ok(name, "free")}
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return []Finding{fail(name, "name one that it has with --ip", "this machine has no address %s", ip)}
		case errors.Is(err, syscall.EACCES):
			return []Finding{fail(name, "choose one above 1023 with --port", "only root may listen there")}
		case !errors.Is(err, syscall.EADDRINUSE):
			return []Finding{fail(name, "", "%v", err)}
		}
		if ip == "" || net.ParseIP(ip).IsUnspecified() {
			at = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
		}
		if who, err := version(ctx, at, secured); err == nil {
			return []Finding{ok(name, "a node speaking Mesos %s listens there", who)}
		}
		return []Finding{fail(name, "stop it, or choose another port with --port; ss -ltnp says what it is", "another program listens there")}
	}}
}

// version asks a node what it speaks.
func version(ctx context.Context, at string, secured *tls.Config) (string, error) {
	body, _, err := get(ctx, at, "/version", secured)
	if err != nil {
		return "", err
	}
	var v struct{ Version string }
	if err := json.Unmarshal(body, &v); err != nil || v.Version == "" {
		return "", errors.New("something else than a node of Meseta's or Mesos' answers")
	}
	return v.Version, nil
}

// get asks once, without following anybody anywhere, and says when the answer was given by the clock of the other side:
// to the second, as HTTP has it.
func get(ctx context.Context, at, path string, secured *tls.Config) ([]byte, *http.Response, error) {
	scheme := "http"
	if secured != nil {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+at+path, nil)
	if err != nil {
		return nil, nil, err
	}
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: secured, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, reason(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	return body, answer, err
}

// reason leaves out what was asked, which the name of the check says.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// Name checks that a host name leads to this machine, as others see it.
func (m Machine) Name(host string) Check {
	return Check{"name", func(ctx context.Context) []Finding {
		if host == "" {
			var err error
			if host, err = os.Hostname(); err != nil {
				return []Finding{warn("name", "say --hostname", "this machine has no name: %v", err)}
			}
		}
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		return []Finding{resolved(host, addresses, err)}
	}}
}

func resolved(host string, addresses []string, err error) Finding {
	if err != nil {
		return warn("name", "enter it into DNS or /etc/hosts, or say --hostname with an address", "%s is not known: %v", host, err)
	}
	for _, a := range addresses {
		if ip := net.ParseIP(a); ip != nil && !ip.IsLoopback() {
			return ok("name", "%s is %s", host, strings.Join(addresses, ", "))
		}
	}
	return warn("name", "others cannot come here by this name: correct /etc/hosts, or say --hostname with an address", "%s is %s, which is every machine's own", host, strings.Join(addresses, ", "))
}

// soon is how long before its end a certificate is warned of.
const soon = 30 * 24 * time.Hour

// Certificate checks a node's certificate: its key, its authority, its time, and the names that others know the node by.
func (m Machine) Certificate(cert, key, ca string, names []string) Check {
	return Check{"certificate", func(context.Context) []Finding {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return []Finding{fail("certificate", "--tls_cert and --tls_key name files in PEM that belong together", "%v", err)}
		}
		leaf := pair.Leaf
		found := []Finding{m.lasts(leaf)}
		if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
			found = append(found, warn("certificate", "chmod 600 "+key, "the key can be read by others"))
		}
		for _, name := range names {
			if err := leaf.VerifyHostname(name); name != "" && err != nil {
				found = append(found, fail("certificate", "have one issued that names it", "%v", err))
			}
		}
		pem, err := os.ReadFile(ca)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			return append(found, fail("certificate", "--tls_ca names the authority's certificate in PEM", "%s holds no authority", ca))
		}
		between := x509.NewCertPool()
		for _, raw := range pair.Certificate[1:] {
			if one, err := x509.ParseCertificate(raw); err == nil {
				between.AddCert(one)
			}
		}
		// The time has a line of its own.
		_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: leaf.NotBefore.Add(time.Second), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err != nil {
			found = append(found, fail("certificate", "every node's certificate has to be signed by the authority of --tls_ca", "%v", err))
		}
		return found
	}}
}

func (m Machine) lasts(leaf *x509.Certificate) Finding {
	now, until := m.Now(), leaf.NotAfter.Format(time.DateOnly)
	switch {
	case now.Before(leaf.NotBefore):
		return fail("certificate", "set the clock, or wait", "it is valid from %s on", leaf.NotBefore.Format(time.DateTime))
	case now.After(leaf.NotAfter):
		return fail("certificate", "have it renewed; kill -HUP makes a node read the new one", "it was valid until %s", until)
	case now.Add(soon).After(leaf.NotAfter):
		return warn("certificate", "have it renewed; kill -HUP makes a node read the new one", "it is valid until %s", until)
	}
	return ok("certificate", "valid until %s", until)
}
