package zookeeper

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"one server", "zk://10.0.0.1:2181/mesos", "zk://10.0.0.1:2181/mesos"},
		{"several, with ZooKeeper's own port left out", "zk://a,b:2182,[::1]:2183/x/mesos", "zk://a:2181,b:2182,[::1]:2183/x/mesos"},
		{"who we are", "zk://jake:secret@a/mesos", "zk://jake:…@a:2181/mesos"},
		{"a slash at the end", "zk://a/mesos/", "zk://a:2181/mesos"},
		{"an at sign and a slash in the password", "zk://jake:s@cr/t@a/mesos", "zk://jake:…@a:2181/mesos"},
	} {
		got, err := Parse(c.url)
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %v, %v; want %s", c.name, got, err, c.want)
		}
	}
	for _, c := range []struct{ url, why string }{
		{"consul://a/mesos", "does not begin with zk://"},
		{"", "does not begin with zk://"},
		{"zk://a:2181", "a path is missing"},
		{"zk://a:2181/", "a path is missing"},
		{"zk://a:2181//", "a path is missing"},
		{"zk:///mesos", `"" is no server`},
		{"zk://a,,b/mesos", `"" is no server`},
		{"zk://a:0/mesos", `"0" is no port`},
		{"zk://a:http/mesos", `"http" is no port`},
		{"zk://jake@a/mesos", "user:password"},
		{"zk://jake:@a/mesos", "user:password"},
		{"zk://a/mesos/../x", "is no path"},
		{"zk://a/mesos//x", "is no path"},
	} {
		_, err := Parse(c.url)
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v; want %q", c.url, err, c.why)
		}
	}
	if _, err := Parse("zk://jake:secret@"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
	if c, _ := Parse("zk://jake:s@cr/t@a/mesos"); c.Password != "s@cr/t" || strings.Contains(c.String(), "cr/t") {
		t.Errorf("user %q, password %q", c.User, c.Password)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"zk://a:1/b", "zk://u:p@a,b:2/c/d", "zk://[::1]/x", "zk://@/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		c, err := Parse(url)
		if err != nil {
			return
		}
		c.Password, c.User = "", ""
		if again, err := Parse(c.String()); err != nil || again.String() != c.String() {
			t.Fatalf("%q reads as %s, and that as %v, %v", url, c, again, err)
		}
	})
}
