package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// reach is how a command finds the cluster.
type reach struct {
	Master     string `flag:"master" help:"the masters: host:port, several with commas between, any of which may lead; or consul://HOST:PORT/PREFIX; or zk://HOST:PORT/PATH"`
	Credential string `flag:"credential" unit:"path" help:"the file with a principal and a secret, for a cluster that wants to know who asks"`
	node.TLS
}

const defaultMaster = "127.0.0.1:5050"

// client makes what asks the cluster, as whoever the file of --credential says.
func (r reach) client() (*api.Client, error) {
	credential, err := node.Credential(r.Credential, logTo(os.Stderr, slog.LevelWarn))
	if err != nil {
		return nil, usageError(err)
	}
	return r.clientOf(credential)
}

// clientOf makes what asks the cluster with a credential. nil: with none.
func (r reach) clientOf(credential *mesospb.Credential) (*api.Client, error) {
	found, err := node.ParseMasters(r.Master)
	if err != nil {
		return nil, usageError(err)
	}
	masters, err := found.Addresses(context.Background(), logTo(os.Stderr, quietLevel))
	if err != nil {
		return nil, err
	}
	secured, err := r.TLS.Client()
	if err != nil {
		return nil, usageError(err)
	}
	return api.New(masters, credential, secured), nil
}

// output is how an answer is written.
type output struct {
	Output string `flag:"output" short:"o" help:"table for people, json for programs"`
}

func (o output) json() (bool, error) {
	switch o.Output {
	case "table", "":
		return false, nil
	case "json":
		return true, nil
	}
	return false, usageError(fmt.Errorf("--output=%s: table or json expected", o.Output))
}

// asking is what most commands can be told.
type asking struct {
	reach
	output
}

func asks() asking { return asking{reach{Master: defaultMaster}, output{"table"}} }
