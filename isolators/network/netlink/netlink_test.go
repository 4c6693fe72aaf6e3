package netlink

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
)

// namespace is one of its own, and connections that were opened in it.
func namespace(t *testing.T) (path string, route, diag *Conn) {
	t.Helper()
	exam.Skip(t, exam.Root)
	path = filepath.Join(t.TempDir(), "ns")
	if _, err := netns.New(path); err != nil {
		t.Fatal(err)
	}
	err := netns.Do(path, func() (err error) {
		if route, err = Route(); err == nil {
			diag, err = Diag()
		}
		return err
	})
	t.Cleanup(func() { route.Close(); diag.Close(); netns.Remove(path) })
	if err != nil {
		t.Fatal(err)
	}
	return path, route, diag
}

func TestCounters(t *testing.T) {
	path, route, _ := namespace(t)
	if c, err := route.Counters(); err != nil || c != (Counters{}) {
		t.Fatalf("an empty namespace: %+v, %v", c, err)
	}
	exam.Skip(t, exam.File("/dev/net/tun"))
	card := -1
	err := netns.Do(path, func() (err error) {
		if card, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return err
		}
		return errors.Join(plug(card, "card0"), talk())
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(card)
	// The other end of the card takes what was sent, and sends as much back. IPv6 may say a word of its own besides.
	packet := make([]byte, 2000)
	n, err := unix.Read(card, packet)
	if err == nil {
		_, err = unix.Write(card, packet[:n])
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := route.Counters()
	if err != nil || c.TxPackets < 1 || c.TxBytes < uint64(n) || c.RxPackets != 1 || c.RxBytes != uint64(n) {
		t.Errorf("after a packet of %d bytes each way: %+v, %v", n, c, err)
	}
}

// talk sends a packet by the card, which has the only address.
func talk() error {
	c, err := net.Dial("udp4", "10.9.8.7:9")
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write(make([]byte, 100))
	return err
}

// plug makes an interface whose other end is a file.
func plug(card int, name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	for _, step := range []struct {
		fd     int
		call   uint
		change func(r *unix.Ifreq) error
	}{
		{card, unix.TUNSETIFF, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI); return nil }},
		{s, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{10, 9, 8, 1}) }},
		{s, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{s, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP); return nil }},
	} {
		r, err := unix.NewIfreq(name)
		if err := errors.Join(err, step.change(r), unix.IoctlIfreq(step.fd, step.call, r)); err != nil {
			return err
		}
	}
	return nil
}

func TestListening(t *testing.T) {
	path, _, diag := namespace(t)
	var listeners []net.Listener
	err := netns.Do(path, func() error {
		for _, a := range []string{"127.0.0.1:7001", "[::1]:7002", "[::]:7003"} {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return err
			}
			listeners = append(listeners, l)
		}
		return nil
	})
	for _, l := range listeners {
		defer l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := diag.Listening()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Local.String())
		if s.Inode == 0 {
			t.Errorf("%v has no inode", s.Local)
		}
	}
	slices.Sort(got)
	if want := "127.0.0.1:7001 [::1]:7002 [::]:7003"; strings.Join(got, " ") != want {
		t.Errorf("%v; want %s", got, want)
	}
	if fd := socketOf(t, listeners[0]); !slices.ContainsFunc(all, func(s Socket) bool { return s.Inode == fd }) {
		t.Errorf("no socket has the inode %d of the first listener: %+v", fd, all)
	}
}

func socketOf(t *testing.T, l net.Listener) uint32 {
	t.Helper()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		t.Fatal(err)
	}
	return uint32(s.Ino)
}

func TestClosed(t *testing.T) {
	c, err := Route()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	c.Close()
	if _, err := c.Counters(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
	var none *Conn
	none.Close()
}

func TestSocketOfAnEarlierAnswer(t *testing.T) {
	b := make([]byte, 72+4+8)
	b[0], b[1], b[4], b[5], b[8] = unix.AF_INET, listen, 0x1f, 0x90, 10
	b[68], b[72], b[74], b[76] = 7, 12, attributeCgroup, 9
	s, ok := socket(b)
	if !ok || s.Local != netip.MustParseAddrPort("10.0.0.0:8080") || s.Inode != 7 || s.Cgroup != 9 {
		t.Errorf("%+v, %v", s, ok)
	}
	if _, ok := socket(b[:71]); ok {
		t.Error("a message that is too short was read")
	}
}

// FuzzAnswers reads what a kernel would never say.
func FuzzAnswers(f *testing.F) {
	b := make([]byte, 16+84)
	b[0], b[4], b[8] = 100, unix.SOCK_DIAG_BY_FAMILY, 1
	f.Add(b)
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Counters
		_, _ = answers(b, 1, func(data []byte) {
			c.link(data)
			if s, ok := socket(data); ok && !s.Local.IsValid() && len(data) < 72 {
				t.Error("a socket out of nothing")
			}
		})
	})
}
