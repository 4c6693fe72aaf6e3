package bpf

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/cilium/ebpf"
)

// Set is a set of programs with the maps that they share.
type Set struct {
	// Name of the set, for paths and people.
	Name string
	// Load parses the object.
	Load func() (*ebpf.CollectionSpec, error)
	// Version is the object's own: it differs when anything in it does.
	Version string
}

// Accounting counts what containers use; Ports refuses ports that they were not given.
var (
	Accounting = Set{"accounting", LoadAccounting, version(_AccountingBytes)}
	Ports      = Set{"ports", LoadPorts, version(_PortsBytes)}
)

func version(object []byte) string {
	sum := sha256.Sum256(object)
	return hex.EncodeToString(sum[:6])
}
