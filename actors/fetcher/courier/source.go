package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	neturl "net/url"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/fetcher"
)

// maxSize bounds one file, so that a server that never ends does not fill the disk of a machine that has more.
const maxSize = 256 << 30

// source is a file that is about to be read.
type source struct {
	io.ReadCloser
	// size is -1 when the server does not say.
	size int64
	ctx  context.Context
}

// copyTo writes it all.
func (s *source) copyTo(f *os.File) error {
	n, err := io.Copy(f, io.LimitReader(s, maxSize+1))
	switch {
	case err != nil:
		return reason(s.ctx, err)
	case n > maxSize:
		return fmt.Errorf("more than %d bytes come", int64(maxSize))
	case s.size >= 0 && n != s.size:
		return fmt.Errorf("%d bytes came instead of %d", n, s.size)
	}
	return nil
}

// copyAll copies a file in steps, so that it can be given up.
func copyAll(ctx context.Context, to, from *os.File) error {
	for {
		n, err := io.CopyN(to, from, 64<<20)
		if errors.Is(err, io.EOF) || err == nil && n == 0 {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// open begins to read an item.
func (t *trip) open(i fetcher.Item) (*source, error) {
	if i.Path != "" {
		return openLocal(t.ctx, i.Path)
	}
	return t.k.openRemote(t.ctx, i.URL.String())
}

// openLocal opens a file of this machine, as whoever the thread is. A pipe or device would never end.
func openLocal(ctx context.Context, name string) (*source, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		return nil, bare(err)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, bare(err)
	}
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return &source{f, info.Size(), ctx}, nil
}

// bare is an error of the file system without the call that failed.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// maxRedirects is as many as browsers follow, more or less.
const maxRedirects = 10

// client is how servers are asked. It takes no proxy from the environment: the guard below would see only the proxy.
func client(stall time.Duration) *http.Client {
	dial := &net.Dialer{Timeout: time.Minute, Control: guard}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dial.DialContext,
			TLSHandshakeTimeout:    time.Minute,
			DisableCompression:     true, // a .gz is to stay one
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        10 * time.Second,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			from := via[len(via)-1].URL
			switch {
			case len(via) > maxRedirects:
				return fmt.Errorf("more than %d redirects", maxRedirects)
			case r.URL.Scheme != "http" && r.URL.Scheme != "https":
				return fmt.Errorf("redirected to a URI of the scheme %q", r.URL.Scheme)
			case from.Scheme == "https" && r.URL.Scheme == "http":
				return errors.New("redirected from https to http")
			}
			return nil
		},
	}
}

// forbidden are the addresses that no task's URI may make the agent talk to: what is on the link only, among which
// clouds have their metadata services with the machine's credentials, and those of the others that are elsewhere.
// Loopback is not among them: people fetch from servers on the same machine, and what listens there must ask who
// comes anyway, because every task on the machine can reach it.
var forbidden = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon
	netip.MustParsePrefix("fd20:ce::/32"),       // Google
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("255.255.255.255/32"),
}

// guard sees every address before it is connected to: after names are resolved, and at each redirect.
func guard(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %s cannot be read", address)
	}
	for _, ip := range meanings(at.Addr()) {
		for _, f := range forbidden {
			if f.Contains(ip) {
				return fmt.Errorf("%s is not fetched from: addresses in %s are for the machine and not for tasks", at.Addr(), f)
			}
		}
	}
	return nil
}

var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
	sixTo = netip.MustParsePrefix("2002::/16")
)

// meanings are the addresses that packets to an address may end at.
func meanings(ip netip.Addr) []netip.Addr {
	ip = ip.WithZone("").Unmap()
	all := []netip.Addr{ip}
	if ip.Is6() {
		b := ip.As16()
		switch {
		case nat64.Contains(ip):
			all = append(all, netip.AddrFrom4([4]byte(b[12:])))
		case sixTo.Contains(ip):
			all = append(all, netip.AddrFrom4([4]byte(b[2:6])))
		case b[0] == 0 && b[1] == 0 && b[10] == 0 && b[11] == 0:
			all = append(all, netip.AddrFrom4([4]byte(b[12:]))) // the old form ::a.b.c.d
		}
	}
	return all
}

// openRemote asks a server. The answer must move on: as long as bytes come it may take any time.
func (k *Courier) openRemote(ctx context.Context, url string) (*source, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watched{cancel: cancel, stall: k.config.FetcherStallTimeout}
	if w.stall > 0 {
		stalled := fmt.Errorf("nothing came for %v (--fetcher_stall_timeout)", w.stall)
		w.timer = time.AfterFunc(w.stall, func() { cancel(stalled) })
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		w.stop()
		return nil, errors.New("the URI cannot be asked for")
	}
	req.Header.Set("User-Agent", "meseta-fetcher")
	resp, err := k.client.Do(req)
	if err != nil {
		err = reason(ctx, err) // before stop, which is a reason too
		w.stop()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		w.stop()
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	w.body = resp.Body
	return &source{w, resp.ContentLength, ctx}, nil
}

// reason is why a request failed, without the URI, which is named already and may hold a password.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, context.Canceled) {
			return errors.New("given up, because the container is not wanted any more")
		}
		return cause
	}
	var outer *neturl.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// watched is a body whose server must not fall asleep.
type watched struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	stall  time.Duration
	timer  *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 && w.timer != nil {
		w.timer.Reset(w.stall)
	}
	return n, err
}

func (w *watched) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}

func (w *watched) Close() error {
	err := w.body.Close()
	w.stop()
	return err
}
