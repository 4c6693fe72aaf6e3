package node

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/meseta-io/meseta/cluster/consul"
)

// openConsul opens the cluster that an address names. A master says where its work directory is, in which it remembers how
// far its cluster had come, so that a Consul which was wiped is noticed; "" is for those who only want to know who leads.
func openConsul(address, workDir string, log *slog.Logger) (*consul.Cluster, error) {
	c, err := consul.Parse(address)
	if err != nil {
		return nil, err
	}
	if workDir != "" {
		if err := os.MkdirAll(workDir, 0o755); err != nil {
			return nil, fmt.Errorf("%w; name another directory with --work_dir", err)
		}
		c.Memory = consul.FileMemory(filepath.Join(workDir, "consul.json"))
	}
	return consul.Open(c, log)
}
