package consul

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/meseta-io/meseta/messages/fault"
)

// web is the Wire over HTTP. It uses Consul's library for the form of requests and answers; sessions and locks are
// our own, because the library's renew too seldom and notice a loss too late.
type web struct {
	config  Config
	clients map[string]*api.Client
	token   token
}

func dial(c Config) (*web, error) {
	w := &web{config: c, clients: map[string]*api.Client{}, token: token{path: c.TokenFile}}
	if err := w.token.open(); err != nil {
		return nil, err
	}
	secure, err := c.tls()
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if c.TLS {
		scheme = "https"
	}
	for _, server := range c.Servers {
		// No proxy: the variables that name one are meant for the web. No compression, which Go asks for by itself: to pack
		// and unpack a registry of 50,000 agents took as long as all the rest of reading it.
		transport := &http.Transport{DialContext: (&net.Dialer{Timeout: requestTimeout, KeepAlive: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: requestTimeout, TLSClientConfig: secure, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
			DisableCompression: true}
		client, err := api.NewClient(&api.Config{Address: server, Scheme: scheme, HttpClient: &http.Client{Transport: transport}})
		if err != nil {
			return nil, fmt.Errorf("Consul at %s: %w", server, err)
		}
		w.clients[server] = client
	}
	return w, nil
}

// tls reads the files that Config names.
func (c Config) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	secure, err := api.SetupTLSConfig(&api.TLSConfig{Address: c.ServerName, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile})
	if err != nil {
		return nil, fmt.Errorf("certificates for Consul: %w: %w", err, fault.ErrInvalid)
	}
	secure.MinVersion = tls.VersionTLS12
	return secure, nil
}

// Do implements Wire.
func (w *web) Do(server string, r Request, timeout time.Duration, done func(Reply, error)) func() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		done(w.Wait(ctx, server, r, timeout))
	}()
	return cancel
}

// Wait implements Wire.
func (w *web) Wait(ctx context.Context, server string, r Request, timeout time.Duration) (Reply, error) {
	client, ok := w.clients[server]
	if !ok {
		return Reply{}, fmt.Errorf("%s is none of Consul's servers: %w", server, fault.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reply, err := w.send(ctx, client, r)
	var status api.StatusError
	if errors.As(err, &status) {
		err = &StatusError{status.Code, brief(status.Body)}
		if status.Code == http.StatusForbidden {
			w.token.refused()
		}
	}
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", server, err)
	}
	return reply, nil
}

// brief keeps an answer that is a page from filling the log.
func brief(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

func (w *web) reading(ctx context.Context, consistent bool) *api.QueryOptions {
	q := &api.QueryOptions{Datacenter: w.config.Datacenter, Namespace: w.config.Namespace, Partition: w.config.Partition,
		Token: w.token.now(), RequireConsistent: consistent}
	return q.WithContext(ctx)
}

func (w *web) writing(ctx context.Context) *api.WriteOptions {
	q := &api.WriteOptions{Datacenter: w.config.Datacenter, Namespace: w.config.Namespace, Partition: w.config.Partition, Token: w.token.now()}
	return q.WithContext(ctx)
}

func (w *web) send(ctx context.Context, client *api.Client, r Request) (reply Reply, err error) {
	switch r := r.(type) {
	case CreateSession:
		entry := &api.SessionEntry{Name: r.Name, TTL: r.TTL.String(), LockDelay: r.LockDelay, Behavior: api.SessionBehaviorRelease}
		if len(r.Checks) == 0 {
			reply.Session, _, err = client.Session().CreateNoChecks(entry, w.writing(ctx))
			return reply, err
		}
		return w.createChecked(ctx, client, r)
	case RenewSession:
		entry, _, err := client.Session().Renew(r.ID, w.writing(ctx))
		return Reply{Found: entry != nil}, err
	case DestroySession:
		_, err = client.Session().Destroy(r.ID, w.writing(ctx))
	case Get:
		q := w.reading(ctx, r.Consistent)
		q.WaitIndex, q.WaitTime = r.Index, r.Wait
		pair, meta, err := client.KV().Get(r.Key, q)
		if err != nil {
			return reply, err
		}
		reply.Index = meta.LastIndex
		if pair != nil {
			reply.Pairs = []Pair{ours(pair)}
		}
	case Keys:
		reply.Keys, _, err = client.KV().Keys(r.Prefix, "", w.reading(ctx, true))
	case Txn:
		return w.transact(ctx, client, r)
	case RegisterCheck:
		check := &api.AgentServiceCheck{CheckID: r.ID, TCP: r.Address, Interval: r.Interval.String(), Timeout: r.Timeout.String(),
			Status: api.HealthPassing, FailuresBeforeCritical: r.Failures, DeregisterCriticalServiceAfter: "30m"}
		service := &api.AgentServiceRegistration{ID: r.ID, Name: r.Service, Check: check, Namespace: w.config.Namespace, Partition: w.config.Partition}
		_, err = client.Raw().Write("/v1/agent/service/register", service, nil, w.writing(ctx))
	case DeregisterCheck:
		err = client.Agent().ServiceDeregisterOpts(r.ID, w.reading(ctx, false))
		var status api.StatusError
		if errors.As(err, &status) && status.Code == http.StatusNotFound {
			err = nil
		}
	default:
		err = fmt.Errorf("request %T: %w", r, fault.ErrUnsupported)
	}
	return reply, err
}

// createChecked makes a session by the raw call: the library leaves an empty list of node checks out, which Consul
// takes for its default, the gossip's opinion of the node.
func (w *web) createChecked(ctx context.Context, client *api.Client, r CreateSession) (reply Reply, err error) {
	body := map[string]any{"Name": r.Name, "TTL": r.TTL.String(), "LockDelay": r.LockDelay.String(), "Behavior": api.SessionBehaviorRelease,
		"NodeChecks": []string{}}
	var checks []api.ServiceCheck
	for _, id := range r.Checks {
		checks = append(checks, api.ServiceCheck{ID: id})
	}
	body["ServiceChecks"] = checks
	var made struct{ ID string }
	_, err = client.Raw().Write("/v1/session/create", body, &made, w.writing(ctx))
	return Reply{Session: made.ID}, err
}

// transact sends a transaction by the raw call, which keeps the status of an answer. One that only reads needs the
// query's options and takes the library's.
func (w *web) transact(ctx context.Context, client *api.Client, r Txn) (Reply, error) {
	ops := make(api.TxnOps, 0, len(r.Ops))
	reads := true
	for _, op := range r.Ops {
		reads = reads && (op.Verb == GetTree || op.Verb == CheckSession)
		ops = append(ops, &api.TxnOp{KV: &api.KVTxnOp{Verb: api.KVOp(op.Verb), Key: op.Key, Value: op.Value, Index: op.Index, Session: op.Session,
			Namespace: w.config.Namespace, Partition: w.config.Partition}})
	}
	if reads {
		_, answer, _, err := client.Txn().Txn(ops, w.reading(ctx, true))
		if err != nil {
			return Reply{}, err
		}
		return transacted(answer), nil
	}
	answer := &api.TxnResponse{}
	_, err := client.Raw().Write("/v1/txn", ops, answer, w.writing(ctx))
	var status api.StatusError
	if errors.As(err, &status) && status.Code == http.StatusConflict {
		err = json.Unmarshal([]byte(status.Body), answer)
		if err == nil && len(answer.Errors) == 0 {
			err = fmt.Errorf("a conflict without a reason: %s", brief(status.Body))
		}
	}
	if err != nil {
		return Reply{}, err
	}
	return transacted(answer), nil
}

func transacted(answer *api.TxnResponse) (reply Reply) {
	for _, e := range answer.Errors {
		reply.Refused = append(reply.Refused, Refusal{e.OpIndex, e.What})
	}
	for _, result := range answer.Results {
		if result != nil && result.KV != nil {
			reply.Pairs = append(reply.Pairs, ours(result.KV))
		}
	}
	return reply
}

func ours(p *api.KVPair) Pair {
	return Pair{Key: p.Key, Value: p.Value, Session: p.Session, LockIndex: p.LockIndex, ModifyIndex: p.ModifyIndex}
}

// token is the ACL token and where it comes from. It is never part of an error.
type token struct {
	path string

	mu    sync.Mutex
	value string
}

func (t *token) open() error {
	if t.path == "" {
		t.path = os.Getenv(api.HTTPTokenFileEnvName)
	}
	if t.path == "" {
		t.value = os.Getenv(api.HTTPTokenEnvName)
		return nil
	}
	value, err := t.read()
	if err != nil {
		return err
	}
	t.value = value
	return nil
}

func (t *token) read() (string, error) {
	text, err := os.ReadFile(t.path)
	if err != nil {
		return "", fmt.Errorf("the token for Consul: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (t *token) now() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

// refused reads the file again, for the next request: tokens are replaced while masters run.
func (t *token) refused() {
	if t.path == "" {
		return
	}
	if value, err := t.read(); err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.value = value
	}
}
