package cgroups

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// blkio is cgroups/blkio: what a container reads from and writes to block devices is counted, as in Mesos, and not limited.
type blkio struct{ controlled }

func (s *shared) blkio(settings isolators.Settings) (isolators.Isolator, error) {
	c, err := s.need(settings, "cgroups/blkio", "blkio")
	if err != nil {
		return nil, err
	}
	return blkio{c}, nil
}

// Usage implements isolators.Isolator.
func (i blkio) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	var errs []error
	for n, c := range of {
		group, ok := i.own(c)
		if !ok {
			continue
		}
		read := blkio1
		if i.two {
			read = blkio2
		}
		s, err := read(group)
		if err != nil && !gone(err) {
			errs = append(errs, fmt.Errorf("container %s: %w", c.ID, err))
			continue
		}
		if s != nil {
			into[n].BlkioStatistics = s
		}
	}
	return errors.Join(errs...)
}

type (
	statistics = mesospb.CgroupInfo_Blkio_Statistics
	throttling = mesospb.CgroupInfo_Blkio_Throttling_Statistics
	fair       = mesospb.CgroupInfo_Blkio_CFQ_Statistics
	operation  = mesospb.CgroupInfo_Blkio_Value
)

// A line is what a file of blkio says of one device and one operation; without a device it is a sum over all of them.
type line struct {
	major, minor uint64
	device       bool
	op           mesospb.CgroupInfo_Blkio_Operation // UNKNOWN where the file has one number for each device
	value        uint64
}

// operations of block devices, as files of version 1 name them.
var operations = map[string]mesospb.CgroupInfo_Blkio_Operation{
	"Total": mesospb.CgroupInfo_Blkio_TOTAL, "Read": mesospb.CgroupInfo_Blkio_READ, "Write": mesospb.CgroupInfo_Blkio_WRITE,
	"Sync": mesospb.CgroupInfo_Blkio_SYNC, "Async": mesospb.CgroupInfo_Blkio_ASYNC, "Discard": mesospb.CgroupInfo_Blkio_DISCARD,
}

// lines reads a file of version 1: "8:0 Read 4096", "8:0 77", "Total 4096". What it does not understand it passes over.
func lines(text string) (all []line) {
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		var n line
		var err error
		if n.value, err = strconv.ParseUint(f[len(f)-1], 10, 64); err != nil {
			continue
		}
		f = f[:len(f)-1]
		if major, minor, ok := device(f[0]); ok {
			n.major, n.minor, n.device = major, minor, true
			f = f[1:]
		}
		if len(f) == 1 {
			op, known := operations[f[0]]
			if !known {
				continue
			}
			n.op = op
		}
		if len(f) > 1 || !n.device && n.op == mesospb.CgroupInfo_Blkio_UNKNOWN {
			continue
		}
		all = append(all, n)
	}
	return all
}

func device(s string) (major, minor uint64, ok bool) {
	a, b, found := strings.Cut(s, ":")
	major, err1 := strconv.ParseUint(a, 10, 32)
	minor, err2 := strconv.ParseUint(b, 10, 32)
	return major, minor, found && err1 == nil && err2 == nil
}

// table puts together what several files say of each device, in the order in which devices were met.
type table[T any] struct {
	rows  []*T
	index map[[2]uint64]int
	total *T
	fresh func(*mesospb.Device_Number) *T
}

func (t *table[T]) row(l line) *T {
	if !l.device {
		if t.total == nil {
			t.total = t.fresh(nil)
		}
		return t.total
	}
	key := [2]uint64{l.major, l.minor}
	n, ok := t.index[key]
	if !ok {
		n = len(t.rows)
		t.index[key] = n
		t.rows = append(t.rows, t.fresh(&mesospb.Device_Number{MajorNumber: proto.Uint64(l.major), MinorNumber: proto.Uint64(l.minor)}))
	}
	return t.rows[n]
}

// all are the devices, and the sum, if one was told, at last.
func (t *table[T]) all() []*T {
	if t.total != nil {
		return append(t.rows, t.total)
	}
	return t.rows
}

func throttlings() *table[throttling] {
	return &table[throttling]{index: map[[2]uint64]int{}, fresh: func(d *mesospb.Device_Number) *throttling { return &throttling{Device: d} }}
}

func value(l line) *operation { return &operation{Op: l.op.Enum(), Value: proto.Uint64(l.value)} }

// Files of version 1, in the order in which they are read.
var (
	throttlingFiles = []struct {
		name string
		set  func(*throttling, *operation)
	}{
		{"blkio.throttle.io_serviced", func(t *throttling, o *operation) { t.IoServiced = append(t.IoServiced, o) }},
		{"blkio.throttle.io_service_bytes", func(t *throttling, o *operation) { t.IoServiceBytes = append(t.IoServiceBytes, o) }},
	}
	fairFiles = []struct {
		name string
		set  func(*fair, *operation)
	}{
		{"time", func(f *fair, o *operation) { f.Time = o.Value }},
		{"sectors", func(f *fair, o *operation) { f.Sectors = o.Value }},
		{"io_serviced", func(f *fair, o *operation) { f.IoServiced = append(f.IoServiced, o) }},
		{"io_service_bytes", func(f *fair, o *operation) { f.IoServiceBytes = append(f.IoServiceBytes, o) }},
		{"io_service_time", func(f *fair, o *operation) { f.IoServiceTime = append(f.IoServiceTime, o) }},
		{"io_wait_time", func(f *fair, o *operation) { f.IoWaitTime = append(f.IoWaitTime, o) }},
		{"io_merged", func(f *fair, o *operation) { f.IoMerged = append(f.IoMerged, o) }},
		{"io_queued", func(f *fair, o *operation) { f.IoQueued = append(f.IoQueued, o) }},
	}
)

// blkio1 reads version 1. What the fair queue counts is there only while a kernel before 5.0 or the BFQ scheduler has one.
func blkio1(group hierarchy.Group) (*statistics, error) {
	s := &statistics{}
	throttled := throttlings()
	for _, f := range throttlingFiles {
		text, err := group.Read(f.name)
		if err != nil {
			return nil, err
		}
		for _, l := range lines(text) {
			f.set(throttled.row(l), value(l))
		}
	}
	s.Throttling = throttled.all()
	s.Cfq = queue(group, "")
	s.CfqRecursive = queue(group, "_recursive")
	return s, nil
}

// queue reads what the fair queue counts, of a group alone or with those below it.
func queue(group hierarchy.Group, suffix string) []*fair {
	rows := &table[fair]{index: map[[2]uint64]int{}, fresh: func(d *mesospb.Device_Number) *fair { return &fair{Device: d} }}
	prefix := "blkio."
	if group.Has("blkio.bfq.io_serviced" + suffix) {
		prefix = "blkio.bfq."
	}
	for _, f := range fairFiles {
		text, err := group.Read(prefix + f.name + suffix)
		if err != nil {
			continue
		}
		for _, l := range lines(text) {
			f.set(rows.row(l), value(l))
		}
	}
	return rows.all()
}

// blkio2 reads version 2's io.stat.
func blkio2(group hierarchy.Group) (*statistics, error) {
	text, err := group.Read("io.stat")
	if err != nil {
		return nil, err
	}
	return &statistics{Throttling: ioStat(text)}, nil
}

// words of io.stat, and what they count.
var words = []struct {
	key   string
	op    mesospb.CgroupInfo_Blkio_Operation
	bytes bool
}{
	{"rbytes", mesospb.CgroupInfo_Blkio_READ, true}, {"wbytes", mesospb.CgroupInfo_Blkio_WRITE, true}, {"dbytes", mesospb.CgroupInfo_Blkio_DISCARD, true},
	{"rios", mesospb.CgroupInfo_Blkio_READ, false}, {"wios", mesospb.CgroupInfo_Blkio_WRITE, false}, {"dios", mesospb.CgroupInfo_Blkio_DISCARD, false},
}

// ioStat reads lines such as "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0", and sums up as version 1 does.
func ioStat(text string) []*throttling {
	rows := throttlings()
	var totalBytes, totalOps uint64
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		major, minor, ok := device(f[0])
		if !ok {
			continue
		}
		row := rows.row(line{major: major, minor: minor, device: true})
		for _, w := range words {
			n, ok := pair(f[1:], w.key)
			switch {
			case !ok:
			case w.bytes:
				row.IoServiceBytes = append(row.IoServiceBytes, value(line{op: w.op, value: n}))
				totalBytes += n
			default:
				row.IoServiced = append(row.IoServiced, value(line{op: w.op, value: n}))
				totalOps += n
			}
		}
	}
	total := rows.row(line{})
	total.IoServiceBytes = []*operation{value(line{op: mesospb.CgroupInfo_Blkio_TOTAL, value: totalBytes})}
	total.IoServiced = []*operation{value(line{op: mesospb.CgroupInfo_Blkio_TOTAL, value: totalOps})}
	return rows.all()
}

// pair is the number of key=number.
func pair(pairs []string, key string) (uint64, bool) {
	for _, p := range pairs {
		if k, v, ok := strings.Cut(p, "="); ok && k == key {
			n, err := strconv.ParseUint(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
