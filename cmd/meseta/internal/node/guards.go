package node

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/ratelimits"
)

// guarded puts into a master's parts who may come in, what they may do and how fast, and has all three read again at
// SIGHUP. What cannot be read again stays as it was.
func (s *Service) guarded(c master.Config, guard realms.Master, p *master.Parts) error {
	if err := guard.Validate(c.Credentials != ""); err != nil {
		return err
	}
	known, err := s.known("credentials", c.Credentials)
	if err != nil {
		return err
	}
	rules, err := s.rules(c.ACLs)
	if err != nil {
		return err
	}
	if p.RateLimits, err = rateLimits(c.RateLimits); err != nil {
		return err
	}
	p.Credentials, p.Authorizer = known, rules
	s.limit(c.ACLs, rules)
	s.realms.Add(guard.Guards(known))
	return nil
}

// guardedAgent is the same for an agent.
func (s *Service) guardedAgent(c agent.Config, guard realms.Agent, p *agent.Parts) error {
	if err := guard.Validate(); err != nil {
		return err
	}
	known, err := s.known("http_credentials", guard.Credentials)
	if err != nil {
		return err
	}
	rules, err := s.rules(c.ACLs)
	if err != nil {
		return err
	}
	if p.SecretKey, err = s.secretKey(guard.SecretKey); err != nil {
		return err
	}
	p.Authorizer, p.AuthenticateExecutors = rules, guard.Executors
	s.limit(c.ACLs, rules)
	s.realms.Add(guard.Guards(known, p.SecretKey, time.Now))
	return nil
}

// limit has the doors go by access control lists, if there are any: Mesos' doors look at the method of some requests only
// where there are.
func (s *Service) limit(acls string, rules authorization.Authorizer) {
	if acls != "" {
		s.parts.Authorizer = rules
	}
}

// known are the credentials of a file, which is read again at SIGHUP.
func (s *Service) known(flag, path string) (*credentials.Live, error) {
	live := &credentials.Live{}
	if path == "" {
		return live, nil
	}
	read := func() error {
		file, err := readSecret(flag, path, s.log.Logger)
		if err != nil {
			return err
		}
		now, err := credentials.Parse(file)
		if err != nil {
			return fmt.Errorf("--%s=%s: %w", flag, path, err)
		}
		live.Swap(now)
		return nil
	}
	s.OnReload(flag, read)
	return live, read()
}

// rules are access control lists, which are read again at SIGHUP if they are in a file.
func (s *Service) rules(value string) (*authorization.Live, error) {
	live := authorization.NewLive(nil)
	if value == "" {
		return live, nil
	}
	read := func() error {
		text, err := structured("acls", value, authorization.MaxFile)
		if err != nil {
			return err
		}
		now, err := authorization.Parse(text)
		if err != nil {
			return fmt.Errorf("--acls: %w", err)
		}
		live.Swap(now)
		return nil
	}
	if !inline(value) {
		s.OnReload("acls", read)
	}
	return live, read()
}

// rateLimits are those of a flag; nil without one.
func rateLimits(value string) (*ratelimits.Limits, error) {
	if value == "" {
		return nil, nil
	}
	text, err := structured("rate_limits", value, ratelimits.MaxFile)
	if err != nil {
		return nil, err
	}
	limits, err := ratelimits.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--rate_limits: %w", err)
	}
	return limits, nil
}

// reloadRateLimits has a master's rate limits read again at SIGHUP, if they are in a file.
func (s *Service) reloadRateLimits(value string, m master.Client) {
	if value == "" || inline(value) {
		return
	}
	s.OnReload("rate_limits", func() error {
		limits, err := rateLimits(value)
		if err == nil {
			m.LimitRates(limits)
		}
		return err
	})
}

// minKey is how long a key has to be at least. HS256 is worth no more than its key, and a short one can be guessed from any
// token.
const minKey = 16

// secretKey reads the key that signs tokens. It is not read again: executors that run have tokens of this one.
func (s *Service) secretKey(path string) (credentials.Secret, error) {
	if path == "" {
		return credentials.Secret{}, nil
	}
	key, err := readSecret("jwt_secret_key", path, s.log.Logger)
	if err != nil {
		return credentials.Secret{}, err
	}
	if len(key) < minKey {
		return credentials.Secret{}, fmt.Errorf("--jwt_secret_key=%s: %d bytes can be guessed; write at least %d random ones", path, len(key), minKey)
	}
	return credentials.NewSecret(key), nil
}

// inline says whether a structured flag has the text itself, and not the name of a file.
func inline(value string) bool { return strings.HasPrefix(strings.TrimSpace(value), "{") }

// structured is the text of a flag that takes JSON, or a file with it.
func structured(flag, value string, most int64) ([]byte, error) {
	if inline(value) {
		return []byte(value), nil
	}
	f, err := os.Open(value)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w; write JSON, or the name of a file with it", flag, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return text, nil
}
