package zookeeper

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// The labels that names of records begin with, and what such a record holds. Only the first is written; masters
// before Mesos 0.24 wrote the others.
const (
	inJSON  = "json.info"
	inProto = "info"
	inText  = "" // nothing but the address
)

// limits bound a record: they come from a place that others write to.
var limits = wire.Limits{Bytes: 64 << 10, Depth: 20, Memory: 1 << 20}

// record is one node below the path, as far as its name tells.
type record struct {
	name, label string
	sequence    uint64
}

// parseName reads the name of a node. What has no number at its end, or a label that no master ever wrote,
// is something else: log_replicas for one.
func parseName(name string) (record, bool) {
	before, number := inText, name
	if cut := strings.LastIndexByte(name, '_'); cut >= 0 {
		before, number = name[:cut], name[cut+1:]
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || before != inJSON && before != inProto && (before != inText || name != number) {
		return record{}, false
	}
	return record{name, before, n}, true
}

// first is the record that leads: the one with the smallest number.
func first(names []string) (least record, found bool) {
	for _, name := range names {
		r, ok := parseName(name)
		if ok && (!found || r.sequence < least.sequence) {
			least, found = r, true
		}
	}
	return least, found
}

// decode reads what a record with a label holds. Errors belong to fault.ErrInvalid.
func decode(label string, data []byte) (*cluster.Leader, error) {
	info := &mesospb.MasterInfo{}
	if len(data) > limits.Bytes {
		return nil, fmt.Errorf("it has %d bytes, at most %d: %w", len(data), limits.Bytes, fault.ErrInvalid)
	}
	switch label {
	case inJSON:
		if err := wire.DecodeJSON(data, info, limits); err != nil {
			return nil, err
		}
	case inProto:
		if err := wire.DecodeProto(data, info, limits); err != nil {
			return nil, err
		}
	case inText:
		address := strings.TrimSpace(string(data))
		if err := checkPID(address); err != nil {
			return nil, err
		}
		return &cluster.Leader{UPID: address}, nil
	default:
		return nil, fmt.Errorf("nobody knows what %s_ records hold: %w", label, fault.ErrInvalid)
	}
	pid := info.GetPid()
	if pid == "" {
		pid = "master@" + addressOf(info)
	}
	if err := checkPID(pid); err != nil {
		return nil, err
	}
	return &cluster.Leader{UPID: pid, Info: info}, nil
}

// addressOf is where a master listens that does not say its pid. The number is the address as it lies in memory,
// and the machines that wrote it were little-endian.
func addressOf(info *mesospb.MasterInfo) string {
	if a := info.GetAddress(); a.GetIp() != "" || a.GetHostname() != "" {
		host := a.GetIp()
		if host == "" {
			host = a.GetHostname()
		}
		return net.JoinHostPort(host, strconv.Itoa(int(a.GetPort())))
	}
	ip := info.GetIp()
	return net.JoinHostPort(net.IPv4(byte(ip), byte(ip>>8), byte(ip>>16), byte(ip>>24)).String(), strconv.Itoa(int(info.GetPort())))
}

// checkPID refuses what cannot be a master's address: "master@10.0.0.1:5050".
func checkPID(pid string) error {
	id, address, ok := strings.Cut(pid, "@")
	host, port, err := net.SplitHostPort(address)
	if n, numeric := strconv.ParseUint(port, 10, 16); !ok || id == "" || err != nil || host == "" || numeric != nil || n == 0 || !utf8.ValidString(pid) ||
		strings.ContainsFunc(pid, func(r rune) bool { return r <= ' ' || r == '/' || r == ',' || r == 0x7f }) {
		return fmt.Errorf("%.80q is no address of a master, as in master@10.0.0.1:5050: %w", pid, fault.ErrInvalid)
	}
	return nil
}

// encode is what a leader publishes of itself.
func encode(info *mesospb.MasterInfo) ([]byte, error) {
	if err := proto.CheckInitialized(info); err != nil {
		return nil, fmt.Errorf("a MasterInfo that cannot be published: %w: %w", err, fault.ErrInvalid)
	}
	data := wire.AppendJSON(nil, info)
	_, err := decode(inJSON, data)
	return data, err
}

// fence is what the node beside the records holds: which term published last, and in which session.
type fence struct {
	Epoch   uint64 `json:"epoch"`
	Session string `json:"session"`
}

// fenceName is that node's. It has no number at its end, so readers of Mesos' records pass over it.
const fenceName = "meseta"

func decodeFence(data []byte) (f fence, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &f)
	}
	return f, err
}

func (f fence) encode() []byte {
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // a number and a text
	}
	return data
}

// sessionName is a session as ZooKeeper's own tools write it.
func sessionName(id int64) string { return "0x" + strconv.FormatUint(uint64(id), 16) }
