package consul

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// version is the form in which records are written, and the newest that is read.
const version = 1

// leaderRecord is the value of the lock. An operator finds it with `consul kv get`, so it is JSON.
type leaderRecord struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	Epoch   uint64 `json:"epoch"`
	UPID    string `json:"upid,omitempty"`
	// Place is where the UPID's address is that of one process only.
	Place string `json:"place,omitempty"`
	// Info is the MasterInfo in protobuf.
	Info []byte `json:"info,omitempty"`
}

func (r leaderRecord) encode() []byte { return encode(r) }

func decodeLeader(value []byte) (r leaderRecord, err error) {
	if err := decode(value, &r); err != nil {
		return leaderRecord{}, fmt.Errorf("the leader's record: %w", err)
	}
	if r.Version > version {
		return leaderRecord{}, fmt.Errorf("the leader's record has form %d, this program reads up to %d: run the newer one: %w", r.Version, version, fault.ErrUnsupported)
	}
	return r, nil
}

// leader is what a detector tells.
func (r leaderRecord) leader() *cluster.Leader {
	l := &cluster.Leader{UPID: r.UPID, Epoch: r.Epoch}
	info := &mesospb.MasterInfo{}
	if len(r.Info) > 0 && (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(r.Info, info) == nil {
		l.Info = info
	}
	return l
}

// revisionRecord counts terms and writes. Each write of the registry moves it, by a check-and-set on the place
// where the last one left it: so a write that was given up and arrives late changes nothing, and a Consul that
// was restored from a backup is noticed by its next write.
type revisionRecord struct {
	Version int `json:"version"`
	Mark
}

func (r revisionRecord) encode() []byte { return encode(r) }

func decodeRevision(value []byte) (r revisionRecord, err error) {
	if err := decode(value, &r); err != nil {
		return revisionRecord{}, fmt.Errorf("the registry's revision: %w", err)
	}
	if r.Version > version {
		return revisionRecord{}, fmt.Errorf("the registry's revision has form %d, this program reads up to %d: run the newer one: %w", r.Version, version, fault.ErrUnsupported)
	}
	return r, nil
}

// encode cannot fail: the records are strings, numbers and bytes.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func decode(value []byte, v any) error {
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("it is not one of ours (%.40q): %w", value, fault.ErrUnsupported)
	}
	return nil
}
