package stores

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
)

// inConsul is the registry of masters that agree in Consul.
type inConsul struct {
	config  consul.Config
	address string
}

func atConsul(election string) (Place, error) {
	c, err := consul.Parse(election)
	if err != nil {
		return nil, fmt.Errorf("--election: %w", err)
	}
	return inConsul{c, election}, nil
}

// String implements Place.
func (p inConsul) String() string { return p.address }

func (p inConsul) open() (*consul.Cluster, error) {
	// What happens is told by errors. The log is for servers.
	return consul.Open(p.config, slog.New(slog.DiscardHandler))
}

// Read implements Place.
func (p inConsul) Read(ctx context.Context) (entries []cluster.Entry, epoch uint64, err error) {
	c, err := p.open()
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	return c.Peek(ctx)
}

// Leader implements Place.
func (p inConsul) Leader(ctx context.Context) (string, error) {
	c, err := p.open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.Held(ctx)
}

// Open implements Place.
func (p inConsul) Open(context.Context) (Opened, error) {
	c, err := p.open()
	if err != nil {
		return nil, err
	}
	return c, nil
}
