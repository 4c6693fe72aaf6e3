package realms

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/actors/process/authn"
)

// The authenticators that there are.
const (
	basic = "basic"
	token = "jwt"
)

// Master is who has to prove who he is before a master answers over HTTP.
type Master struct {
	// Readonly guards the endpoints that show the cluster's state, such as /state and /metrics/snapshot.
	Readonly bool `flag:"authenticate_http_readonly"`
	// Readwrite guards the endpoints that change something, such as /api/v1 and /weights.
	Readwrite bool `flag:"authenticate_http_readwrite"`
	// Frameworks guards the scheduler API. It needs http_framework_authenticators.
	Frameworks bool `flag:"authenticate_http_frameworks"`
	// FrameworkAuthenticators are the ways in which schedulers may prove who they are: basic, with what is in credentials.
	FrameworkAuthenticators []string `flag:"http_framework_authenticators"`
	// Authenticators are the ways in which operators may prove who they are: basic, with what is in credentials.
	Authenticators []string `flag:"http_authenticators"`
}

// DefaultMaster is Mesos' answer: nobody has to.
func DefaultMaster() Master { return Master{Authenticators: []string{basic}} }

// Validate reports every problem at once. credentials says whether there is a file of them.
func (c Master) Validate(credentials bool) error {
	var errs []error
	if bad := unknown(append(append([]string(nil), c.Authenticators...), c.FrameworkAuthenticators...), basic); len(bad) > 0 {
		errs = append(errs, fmt.Errorf("HTTP authenticators %s: a master has %s only", strings.Join(bad, ", "), basic))
	}
	if c.Frameworks && len(c.FrameworkAuthenticators) == 0 {
		errs = append(errs, errors.New("--authenticate_http_frameworks: --http_framework_authenticators=basic has to say how"))
	}
	for _, f := range []struct {
		flag string
		set  bool
	}{{"authenticate_http_readonly", c.Readonly}, {"authenticate_http_readwrite", c.Readwrite}, {"authenticate_http_frameworks", c.Frameworks}} {
		if f.set && !credentials {
			errs = append(errs, fmt.Errorf("--%s: needs a file of --credentials to compare with", f.flag))
		}
		if f.set && f.flag != "authenticate_http_frameworks" && len(c.Authenticators) == 0 {
			errs = append(errs, fmt.Errorf("--%s: --http_authenticators=basic has to say how", f.flag))
		}
	}
	return errors.Join(errs...)
}

// Guards are the guards of a master's realms. They go by what is known at the time of a request.
func (c Master) Guards(known authn.Passwords) Guards {
	g := Guards{}
	for _, r := range []struct {
		realm string
		set   bool
	}{{MasterReadonly, c.Readonly}, {MasterReadwrite, c.Readwrite}, {MasterScheduler, c.Frameworks}} {
		if r.set {
			// There is one way, however often it is listed.
			g[r.realm] = named(authn.Basic(r.realm, known), "master")
		}
	}
	return g
}
