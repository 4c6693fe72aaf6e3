package remote_test

import (
	"testing"

	"github.com/meseta-io/meseta/actors/process/remote"
)

// What one program tells another of TLS is understood, and only what is enabled counts.
func TestTLSOfAnEnvironment(t *testing.T) {
	files := remote.TLS{CertFile: "/c", KeyFile: "/k", CAFile: "/a"}
	if got := remote.TLSOf(files.Variables()); got == nil || *got != files {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct {
		env  []string
		want *remote.TLS
	}{
		{nil, nil},
		{[]string{"LIBPROCESS_SSL_CERT_FILE=/c"}, nil},
		{[]string{"LIBPROCESS_SSL_ENABLED=0", "LIBPROCESS_SSL_CERT_FILE=/c"}, nil},
		{[]string{"LIBPROCESS_SSL_ENABLED=True", "LIBPROCESS_SSL_CERT_FILE=file:///c", "X=LIBPROCESS_SSL_KEY_FILE=/k"}, &remote.TLS{CertFile: "/c"}},
	} {
		got := remote.TLSOf(c.env)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%q: %+v", c.env, got)
		}
	}
}
