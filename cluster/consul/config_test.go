package consul_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/fault"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]string{
		"consul://127.0.0.1:8500":                         "consul://127.0.0.1:8500/meseta",
		"consul://127.0.0.1":                              "consul://127.0.0.1:8500/meseta",
		"consul://a,b:1,a:8500/x/y/":                      "consul://a:8500,b:1/x/y",
		"consul://[::1]:8500,[::2]/p":                     "consul://[::1]:8500,[::2]:8500/p",
		"consul+https://consul.example/p":                 "consul+https://consul.example:8501/p",
		"consul://a/p?ttl=20s&check=tcp&abandon=7":        "consul://a:8500/p",
		"consul+https://a/p?token_file=/s/t&ca=/s/ca":     "consul+https://a:8501/p",
		"consul://a/p?dc=dc1&ns=n&partition=q&ttl=1h0m0s": "consul://a:8500/p",
	} {
		c, err := consul.Parse(address)
		if err != nil || c.String() != want {
			t.Errorf("%s: %s, %v", address, c, err)
		}
	}
	c, err := consul.Parse("consul+https://a/p?ttl=20s&check=tcp&check_interval=500ms&check_failures=3&dc=d&ns=n&partition=q&ca=1&cert=2&key=3&server_name=4&token_file=5&abandon=7")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.TTL, c.Check, c.CheckInterval, c.CheckFailures, c.Datacenter, c.Namespace, c.Partition, c.CAFile, c.CertFile, c.KeyFile, c.ServerName, c.TokenFile, c.Abandon, c.TLS}
	want := []any{20 * time.Second, true, 500 * time.Millisecond, 3, "d", "n", "q", "1", "2", "3", "4", "5", uint64(7), true}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("parameter %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const secret = "0123-secret"
	for name, address := range map[string]string{
		"another scheme":             "zk://a/p",
		"no scheme":                  "a:8500",
		"no server":                  "consul:///p",
		"an empty server":            "consul://a,,b/p",
		"a port that is none":        "consul://a:http/p",
		"port 0":                     "consul://a:0/p",
		"a prefix that climbs":       "consul://a/../p",
		"a prefix with blanks":       "consul://a/p%20q",
		"a prefix too long":          "consul://a/" + strings.Repeat("p", 200),
		"a TTL without unit":         "consul://a/p?ttl=10",
		"a TTL that gives no time":   "consul://a/p?ttl=1s",
		"a check of another kind":    "consul://a/p?check=http",
		"an unknown parameter":       "consul://a/p?tokenfile=" + secret,
		"a token":                    "consul://a/p?token=" + secret,
		"a user":                     "consul://" + secret + "@a/p",
		"a certificate without key":  "consul+https://a/p?cert=c",
		"TLS files without TLS":      "consul://a/p?ca=c",
		"an epoch below nothing":     "consul://a/p?abandon=-1",
		"a blank in a host":          "consul://a b/p",
		"parameters of another form": "consul://a/p?ttl=%zz" + secret,
	} {
		_, err := consul.Parse(address)
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s was taken, or refused for another reason: %v", name, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the refusal repeats the secret: %v", name, err)
		}
	}
	_, err := consul.Parse("consul://a:0,b:/p?ttl=10&check=http")
	for _, part := range []string{"a:0", "b:", "ttl", "check"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal does not speak of %s: %v", part, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"consul://a", "consul+https://[::1]:1,b/p/q?ttl=10s&check=tcp&ca=x", "consul://a/p?abandon=18446744073709551615", "consul://a@b/?token=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		c, err := consul.Parse(address)
		if err != nil {
			return
		}
		// What was accepted is printed as an address that names the same.
		again, err := consul.Parse(c.String())
		if !c.TLS && err != nil || again.Prefix != c.Prefix || strings.Join(again.Servers, ",") != strings.Join(c.Servers, ",") {
			t.Fatalf("%q is %q, which is %q, %v", address, c, again, err)
		}
	})
}
