package devices

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestNormal(t *testing.T) {
	for _, c := range []struct {
		shows    string
		in, want []string
	}{
		{"the same are put together", []string{"c 1:3 r", "c 1:3 w", "c 1:5 m"}, []string{"c 1:3 rw", "c 1:5 m"}},
		{"what others say is left out", []string{"c 1:3 r", "c 1:* rw", "b 8:0 r"}, []string{"b 8:0 r", "c 1:* rw"}},
		{"what they do not say stays", []string{"c 1:3 rm", "c 1:* rw"}, []string{"c 1:* rw", "c 1:3 rm"}},
		{"everything says all", []string{"c 1:3 r", "a", "b 8:0 rwm"}, []string{"a *:* rwm"}},
		{"nothing is left out", nil, nil},
	} {
		got := Normal(entries(t, c.in...))
		if !slices.Equal(got, entries(t, c.want...)) {
			t.Errorf("%s: %v becomes %v", c.shows, c.in, got)
		}
		if !slices.Equal(Normal(got), got) {
			t.Errorf("%s: %v is not normal yet", c.shows, got)
		}
	}
	if got := Normal([]Entry{{'c', 1, 3, None}}); len(got) > 0 {
		t.Errorf("one that says nothing: %v", got)
	}
}

func TestNew(t *testing.T) {
	if _, err := New(entries(t, "c 1:* rwm"), entries(t, "c 1:3 w")); err != nil {
		t.Error(err)
	}
	if _, err := New(entries(t, "c 1:3 rwm"), entries(t, "c 1:3 w")); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("the same is allowed and denied: %v", err)
	}
	if _, err := New(nil, entries(t, "c 1:* w")); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a wildcard is denied: %v", err)
	}
}

func TestGrants(t *testing.T) {
	p, err := New(entries(t, "c 1:* rw", "c 1:3 m", "b *:* m"), entries(t, "c 1:8 w"))
	if err != nil {
		t.Fatal(err)
	}
	for text, yes := range map[string]bool{
		"c 1:3 r": true, "c 1:3 rw": true, "c 1:3 rwm": true, "c 1:5 m": false, "c 1:5 rw": true,
		"c 1:8 r": true, "c 1:8 w": false, "c 1:8 rw": false, "c 1:* r": true, "c 1:* w": false,
		"b 8:0 m": true, "b 8:0 r": false, "c 2:0 r": false,
	} {
		if got := p.Grants(entry(t, text)); got != yes {
			t.Errorf("%s is granted: %t", text, got)
		}
	}
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		shows                   string
		allowed, denied         []string
		allow, deny             []string
		wantAllowed, wantDenied []string
	}{
		{"more is allowed", []string{"c 1:3 r"}, nil, []string{"c 1:5 rw"}, nil, []string{"c 1:3 r", "c 1:5 rw"}, nil},
		{"more of one", []string{"c 1:3 r"}, nil, []string{"c 1:3 w"}, nil, []string{"c 1:3 rw"}, nil},
		{"what was denied is allowed", []string{"c 1:* rw"}, []string{"c 1:3 w"}, []string{"c 1:3 w"}, nil, []string{"c 1:* rw"}, nil},
		{"what was allowed is denied", []string{"c 1:3 rw", "c 1:5 r"}, nil, nil, []string{"c 1:3 w"}, []string{"c 1:3 r", "c 1:5 r"}, nil},
		{"what a wildcard allows is denied", []string{"c 1:* rw"}, nil, nil, []string{"c 1:3 w"}, []string{"c 1:* rw"}, []string{"c 1:3 w"}},
		{"what was never allowed needs no denial", []string{"c 1:* r"}, nil, nil, []string{"b 8:0 w"}, []string{"c 1:* r"}, nil},
		{"both at once", []string{"c 1:3 rw"}, nil, []string{"c 1:5 r"}, []string{"c 1:3 r"}, []string{"c 1:3 w", "c 1:5 r"}, nil},
	} {
		p, err := New(entries(t, c.allowed...), entries(t, c.denied...))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Change(entries(t, c.allow...), entries(t, c.deny...))
		if err != nil || !slices.Equal(got.Allow, entries(t, c.wantAllowed...)) || !slices.Equal(got.Deny, entries(t, c.wantDenied...)) {
			t.Errorf("%s: %v, %v", c.shows, got, err)
		}
		for _, e := range entries(t, c.allow...) {
			if !got.Grants(e) {
				t.Errorf("%s: %v is not granted", c.shows, e)
			}
		}
		for _, e := range entries(t, c.deny...) {
			if got.Grants(e) {
				t.Errorf("%s: %v is granted", c.shows, e)
			}
		}
	}
	for shows, change := range map[string][2][]Entry{
		"wildcards are not changed":      {entries(t, "c 1:* r"), nil},
		"nor denied":                     {nil, entries(t, "a")},
		"the same is allowed and denied": {entries(t, "c 1:3 r"), entries(t, "c 1:3 rw")},
	} {
		if _, err := (Policy{}).Change(change[0], change[1]); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

func TestOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	access := &mesospb.DeviceAccess_Access{Read: proto.Bool(true), Write: proto.Bool(true)}
	list := func(d *mesospb.Device) *mesospb.DeviceWhitelist {
		return &mesospb.DeviceWhitelist{AllowedDevices: []*mesospb.DeviceAccess{{Device: d, Access: access}}}
	}
	number := func(major, minor uint64) *mesospb.Device {
		return &mesospb.Device{Number: &mesospb.Device_Number{MajorNumber: proto.Uint64(major), MinorNumber: proto.Uint64(minor)}}
	}
	for shows, d := range map[string]*mesospb.Device{"by path": {Path: proto.String("/dev/null")}, "by number": number(1, 3)} {
		if got, err := Of(list(d)); err != nil || !slices.Equal(got, entries(t, "c 1:3 rw")) {
			t.Errorf("%s: %v, %v", shows, got, err)
		}
	}
	for shows, d := range map[string]*mesospb.Device{
		"neither": {}, "a file": {Path: &file}, "no file": {Path: proto.String(file + "/x")}, "no such major": number(1<<12, 0), "no such minor": number(1, 1<<20),
	} {
		if got, err := Of(list(d)); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v, %v", shows, got, err)
		}
	}
}
