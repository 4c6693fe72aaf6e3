// Package api asks masters and agents over HTTP, as any tool of Mesos' does: the v1 operator API in protobuf, and the
// few doors that Mesos never had. It is what the commands for people are built on.
package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Patience is how long a master may take to be ready: one that was just elected reads its registry first.
const Patience = 5 * time.Second

// silence is how long a server that took a question may keep silent before it is given up.
const silence = 10 * time.Second

// again is how long to wait before asking somebody again who was not ready.
const again = 50 * time.Millisecond

// maxAnswer bounds what a server may make us keep.
const maxAnswer = 4 << 30

// Client asks one cluster. It may be used by several goroutines.
type Client struct {
	masters    []string     // host:port
	first      atomic.Int32 // which of them answered last
	credential *mesospb.Credential
	http       *http.Client
	scheme     string
}

// New makes a client of the cluster with these masters, host:port, any of which may lead. It authenticates with the
// credential, if there is one, and speaks TLS, if there is a configuration for it.
func New(masters []string, credential *mesospb.Credential, t *tls.Config) *Client {
	c := &Client{masters: masters, credential: credential, scheme: "http"}
	if t != nil {
		c.scheme = "https"
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: Patience}).DialContext,
		TLSClientConfig:       t,
		TLSHandshakeTimeout:   Patience,
		ResponseHeaderTimeout: silence,
		MaxIdleConnsPerHost:   8,
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.redirect}
	return c
}

// redirect follows a master to the leader, with the credential: net/http leaves it out for other hosts, but the masters
// of one cluster trust each other to name the leader.
func (c *Client) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("the masters send each other in circles")
	}
	if r.Response == nil || r.Response.StatusCode != http.StatusTemporaryRedirect {
		return fmt.Errorf("%s sends elsewhere, which only masters do", via[0].URL.Host)
	}
	c.identify(r)
	return nil
}

func (c *Client) identify(r *http.Request) {
	if c.credential != nil {
		r.SetBasicAuth(c.credential.GetPrincipal(), c.credential.GetSecret())
	}
}

// Master asks the leading master.
func (c *Client) Master(ctx context.Context, call *masterpb.Call) (*masterpb.Response, error) {
	r := &masterpb.Response{}
	return r, c.leader(ctx, func(address string) error {
		_, err := c.call(ctx, c.url(address, "/api/v1"), address, call, r)
		return err
	})
}

// Both asks two questions at once.
func (c *Client) Both(one, other func() error) error {
	done := make(chan error, 1)
	go func() { done <- one() }()
	err := other()
	return errors.Join(<-done, err)
}

// Agent asks an agent by its pid, "slave(1)@10.0.0.2:5051".
func (c *Client) Agent(ctx context.Context, pid string, call *agentpb.Call) (*agentpb.Response, error) {
	r, _, err := c.agent(ctx, pid, call)
	return r, err
}

// agent also gives the header of the answer, which has what Mesos' messages have no room for.
func (c *Client) agent(ctx context.Context, pid string, call *agentpb.Call) (*agentpb.Response, http.Header, error) {
	id, address, ok := strings.Cut(pid, "@")
	if !ok {
		return nil, nil, fmt.Errorf("agent %q: not an address", pid)
	}
	r := &agentpb.Response{}
	header, err := c.call(ctx, c.url(address, "/"+id+"/api/v1"), address, call, r)
	return r, header, err
}

func (c *Client) url(address, path string) *url.URL {
	return &url.URL{Scheme: c.scheme, Host: address, Path: path}
}

// leader asks one master after the other until one has an answer, and all of them again for as long as they are not ready.
func (c *Client) leader(ctx context.Context, ask func(address string) error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		var why error
		first := int(c.first.Load())
		for i := range c.masters {
			at := (first + i) % len(c.masters)
			err := ask(c.masters[at])
			if !errors.Is(err, fault.ErrUnavailable) {
				c.first.Store(int32(at))
				return err
			}
			why = errors.Join(why, err)
		}
		if _, gone := errors.AsType[*Unreachable](why); gone {
			return why
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return why
		}
	}
}

// call posts one call and reads its one answer; an answer without a body leaves the response empty.
func (c *Client) call(ctx context.Context, to *url.URL, who string, call, response proto.Message) (http.Header, error) {
	body, err := wire.Protobuf.Append(nil, call)
	if err != nil {
		return nil, err
	}
	answer, err := c.post(ctx, to, who, wire.MediaProtobuf, body, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(who, err)
	}
	if len(data) == 0 {
		return answer.Header, nil
	}
	return answer.Header, proto.Unmarshal(data, response)
}

// post sends a body and gives the answer if it is a good one.
func (c *Client) post(ctx context.Context, to *url.URL, who, contentType string, body []byte, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", wire.MediaProtobuf)
	return c.do(r, who)
}

// get reads a document.
func (c *Client) get(ctx context.Context, to *url.URL, who string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.do(r, who)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
}

func (c *Client) do(r *http.Request, who string) (*http.Response, error) {
	c.identify(r)
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(who, err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10)) // what there is of it says more than a failure to read it
	return nil, &Refusal{Who: who, Status: answer.StatusCode, Text: strings.TrimSpace(string(said)), Named: c.credential != nil}
}
