package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	types100 "github.com/containernetworking/cni/pkg/types/100"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// store is the directory in which the isolator finds everything again. Each container with something of its own has a
// directory in it, named after its id:
//
//	record.json                                 what was asked for
//	ns                                          its network namespace, mounted
//	hosts, hostname, resolv.conf                mounted on those of its /etc
//	networks/NAME/network.conf                  the plugins with their configuration; there before the first one is called
//	networks/NAME/INTERFACE/network.info        what they answered
//	cache/                                      libcni's, which plugins hear again when they are called to undo
type store string

type record struct {
	ID       string       `json:"id"`
	Hostname string       `json:"hostname"`
	Networks []attachment `json:"networks,omitempty"`
}

// attachment is a container in a network.
type attachment struct {
	Network   string          `json:"network"`
	Interface string          `json:"interface"`
	Info      json.RawMessage `json:"info"` // NetworkInfo as it was asked for

	result *types100.Result // nil before the plugins have answered
}

func (a attachment) asked() *mesospb.NetworkInfo {
	info := &mesospb.NetworkInfo{}
	if protojson.Unmarshal(a.Info, info) != nil {
		info.Name = &a.Network
	}
	return info
}

func (s store) dir(id string) string    { return filepath.Join(string(s), id) }
func (s store) ns(id string) string     { return filepath.Join(s.dir(id), "ns") }
func (s store) cache(id string) string  { return filepath.Join(s.dir(id), "cache") }
func (s store) record(id string) string { return filepath.Join(s.dir(id), "record.json") }
func (s store) conf(id, network string) string {
	return filepath.Join(s.dir(id), "networks", network, "network.conf")
}
func (s store) info(id, network, iface string) string {
	return filepath.Join(s.dir(id), "networks", network, iface, "network.info")
}

// ids are the containers that have a directory, in order.
func (s store) ids() ([]string, error) {
	entries, err := os.ReadDir(string(s))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// read finds a container's record with the answers that are there; ok is false when there is none, as after a crash before
// it was written.
func (s store) read(id string) (r record, ok bool, err error) {
	b, err := os.ReadFile(s.record(id))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, false, fmt.Errorf("the record of container %s: %w", id, err)
	}
	for i, a := range r.Networks {
		b, err := os.ReadFile(s.info(id, a.Network, a.Interface))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var result types100.Result
		if err == nil {
			err = json.Unmarshal(b, &result)
		}
		if err != nil {
			return r, false, fmt.Errorf("what network %s answered for container %s: %w", a.Network, id, err)
		}
		r.Networks[i].result = &result
	}
	return r, true, nil
}

// write puts a file in place at once, with its content or not at all, and its directories.
func write(path string, b []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	// A record must be there after a power cut: addresses would never be given back.
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(b, '\n'), 0o600)
}

// addresses are those of a result, IPv4 first.
func addresses(r *types100.Result) []string {
	if r == nil {
		return nil
	}
	var v4, v6 []string
	for _, ip := range r.IPs {
		if ip.Address.IP.To4() != nil {
			v4 = append(v4, ip.Address.IP.String())
		} else if ip.Address.IP != nil {
			v6 = append(v6, ip.Address.IP.String())
		}
	}
	return slices.Concat(v4, v6)
}
