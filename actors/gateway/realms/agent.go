package realms

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/credentials"
)

// Agent is who has to prove who he is before an agent answers over HTTP.
type Agent struct {
	// Readonly guards the endpoints that show the agent's state, such as /state and /monitor/statistics.
	Readonly bool `flag:"authenticate_http_readonly"`
	// Readwrite guards the endpoints that change something, such as /api/v1.
	Readwrite bool `flag:"authenticate_http_readwrite"`
	// Executors guards the executor API: the agent gives each executor a token, signed with jwt_secret_key, and it may speak
	// for itself only.
	Executors bool `flag:"authenticate_http_executors"`
	// Authenticators are the ways in which operators may prove who they are: basic, with what is in http_credentials, and
	// jwt, with a token signed with jwt_secret_key. Empty: basic, and jwt where executors are guarded, because they use the
	// operators' API for the containers below their own.
	Authenticators []string `flag:"http_authenticators"`
	// Credentials is the file with those who may authenticate over HTTP: {"credentials": [{"principal": …, "secret": …}]}.
	Credentials string `flag:"http_credentials" unit:"path"`
	// SecretKey is the file with the key that signs the tokens of executors.
	SecretKey string `flag:"jwt_secret_key" unit:"path"`
}

// Validate reports every problem at once.
func (c Agent) Validate() error {
	var errs []error
	if bad := unknown(c.Authenticators, basic, token); len(bad) > 0 {
		errs = append(errs, fmt.Errorf("--http_authenticators=%s: an agent has %s and %s only", strings.Join(bad, ","), basic, token))
	}
	if c.Executors && c.SecretKey == "" {
		errs = append(errs, errors.New("--authenticate_http_executors: needs a file of --jwt_secret_key to sign tokens with"))
	}
	if slices.Contains(c.Authenticators, token) && c.SecretKey == "" {
		errs = append(errs, errors.New("--http_authenticators=jwt: needs a file of --jwt_secret_key to compare with"))
	}
	if (c.Readonly || c.Readwrite) && slices.Contains(c.ways(), basic) && c.Credentials == "" {
		errs = append(errs, errors.New("--authenticate_http_readonly and --authenticate_http_readwrite: need a file of --http_credentials to compare with"))
	}
	return errors.Join(errs...)
}

// ways are the authenticators of operators, in order.
func (c Agent) ways() []string {
	switch {
	case len(c.Authenticators) > 0:
		return c.Authenticators
	case c.Executors:
		return []string{basic, token}
	}
	return []string{basic}
}

// Guards are the guards of an agent's realms. They go by what is known at the time of a request.
func (c Agent) Guards(known authn.Passwords, key credentials.Secret, now authn.Now) Guards {
	g := Guards{}
	operators := func(realm string) process.Authenticator {
		var all []process.Authenticator
		for _, way := range c.ways() {
			if way == token {
				all = append(all, authn.Bearer(realm, key.Reveal(), now))
			} else {
				all = append(all, authn.Basic(realm, known))
			}
		}
		return authn.Any(all...)
	}
	if c.Readonly {
		g[AgentReadonly] = named(operators(AgentReadonly), "agent")
	}
	if c.Readwrite {
		g[AgentReadwrite] = operators(AgentReadwrite)
	}
	if c.Executors {
		g[AgentExecutor] = authn.Bearer(AgentExecutor, key.Reveal(), now)
		g[AgentResourceProvider] = authn.Bearer(AgentResourceProvider, key.Reveal(), now)
	}
	return g
}
