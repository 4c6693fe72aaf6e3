package gpu_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/gpu"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var ctx = context.Background()

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// simulated is a machine with cards: what their driver says, and nodes with its numbers behind which there is nothing.
func simulated(t *testing.T, minors ...int) gpu.Machine {
	t.Helper()
	exam.Skip(t, exam.Root)
	m := gpu.Machine{Cards: t.TempDir(), Dev: t.TempDir()}
	node := func(name string, minor int) {
		must(t, unix.Mknod(filepath.Join(m.Dev, name), unix.S_IFCHR|0o666, int(unix.Mkdev(195, uint32(minor)))))
	}
	for place, minor := range minors {
		dir := filepath.Join(m.Cards, fmt.Sprintf("0000:%02x:00.0", place+1))
		must(t, os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "information"), fmt.Appendf(nil,
			"Model: \t\t Simulated\nIRQ:   \t\t 42\nGPU UUID: \t GPU-0-%d\nBus Location: \t 0000:%02x:00.0\nDevice Minor: \t %d\n", minor, place+1, minor), 0o444))
		node(fmt.Sprintf("nvidia%d", minor), minor)
	}
	node("nvidiactl", 255)
	node("nvidia-uvm", 254)
	return m
}

// guard remembers what it was told to grant.
type guard struct {
	isolators.Nothing
	mu  sync.Mutex
	has map[string][]uint32
	err error
}

func (*guard) Name() string { return "cgroups/devices" }
func (g *guard) Grant(c *isolators.Container, list []isolators.Device) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.has == nil {
		g.has = map[string][]uint32{}
	}
	g.has[c.ID] = minors(list)
	return g.err
}

// minors are the cards among devices.
func minors(list []isolators.Device) (out []uint32) {
	for _, d := range list {
		if d.Minor < 254 {
			out = append(out, d.Minor)
		}
	}
	return out
}

func settings(g isolators.Isolator) isolators.Settings {
	return isolators.Settings{Root: true, Launcher: "linux", Isolation: []string{"filesystem/linux", "cgroups/devices", "gpu/nvidia"}, Before: isolators.Chain{g}}
}

func build(t *testing.T, m gpu.Machine, s isolators.Settings) isolators.Isolator {
	t.Helper()
	i, err := gpu.New(m)(s)
	must(t, err)
	return i
}

func container(t *testing.T, id string, gpus float64) *isolators.Container {
	return &isolators.Container{ID: id, Info: &mesospb.ContainerInfo{}, State: t.TempDir(), Resources: []*mesospb.Resource{exam.Scalar("gpus", gpus)}}
}

func grants(t *testing.T, i isolators.Isolator, c *isolators.Container) []uint32 {
	t.Helper()
	p := &isolators.Plan{}
	must(t, i.Prepare(ctx, c, p))
	if len(p.Grants) < 2 || len(p.Devices) > 0 {
		t.Errorf("%+v %+v", p.Grants, p.Devices)
	}
	return minors(p.Grants)
}

func TestCardsAreGivenAndTaken(t *testing.T) {
	m, g := simulated(t, 3, 1, 2), &guard{}
	i := build(t, m, settings(g))
	one, two := container(t, "1", 2), container(t, "2", 1)
	if has := grants(t, i, one); !slices.Equal(has, []uint32{1, 2}) {
		t.Errorf("the first has %v", has)
	}
	if has := grants(t, i, two); !slices.Equal(has, []uint32{3}) {
		t.Errorf("the second has %v", has)
	}
	if err := i.Prepare(ctx, container(t, "3", 1), &isolators.Plan{}); !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "Requested 1 gpus but only 0 available") {
		t.Error(err)
	}
	one.Resources[0].Scalar.Value = new(1.0)
	must(t, i.Update(ctx, one), i.Update(ctx, one))
	two.Resources[0].Scalar.Value = new(2.0)
	must(t, i.Update(ctx, two))
	if !slices.Equal(g.has["1"], []uint32{1}) || !slices.Equal(g.has["2"], []uint32{3, 2}) {
		t.Errorf("after updates: %v", g.has)
	}
	two.Resources[0].Scalar.Value = new(3.0)
	if err := i.Update(ctx, two); err == nil {
		t.Error("more than there are")
	}
	// After a restart of the agent everybody keeps what he has.
	i = build(t, m, settings(g))
	must(t, i.Recover(ctx, []*isolators.Container{one, two}))
	if err := i.Prepare(ctx, container(t, "3", 1), &isolators.Plan{}); err == nil {
		t.Error("a card was given away twice")
	}
	must(t, i.Cleanup(ctx, two), i.Cleanup(ctx, two))
	if has := grants(t, i, container(t, "3", 2)); !slices.Equal(has, []uint32{2, 3}) {
		t.Errorf("what was given back: %v", has)
	}
	if has := grants(t, i, container(t, "4", 0)); len(has) > 0 {
		t.Errorf("nobody asked for %v", has)
	}
}

// An agent that died between writing down what it gives and giving it gives it when it is asked again.
func TestWhatWasNotGrantedIsGrantedLater(t *testing.T) {
	m, g := simulated(t, 0, 1), &guard{}
	i := build(t, m, settings(g))
	c := container(t, "c", 1)
	grants(t, i, c)
	c.Resources[0].Scalar.Value = new(2.0)
	g.err = errors.New("broken")
	if err := i.Update(ctx, c); err == nil {
		t.Error("nobody noticed")
	}
	g.err = nil
	i = build(t, m, settings(g))
	must(t, i.Recover(ctx, []*isolators.Container{c}))
	g.has = nil
	must(t, i.Update(ctx, c))
	if !slices.Equal(g.has["c"], []uint32{0, 1}) {
		t.Errorf("granted %v", g.has)
	}
}

func TestNestedContainersUseTheirParentsCards(t *testing.T) {
	i := build(t, simulated(t, 0, 1), settings(&guard{}))
	c := container(t, "c", 1)
	grants(t, i, c)
	n := container(t, "c.n", 0)
	n.Parent = c
	if has := grants(t, i, n); !slices.Equal(has, []uint32{0}) {
		t.Errorf("it has %v", has)
	}
	p := &isolators.Plan{RootFS: "/image"}
	must(t, i.Prepare(ctx, n, p))
	if paths := func() (all []string) {
		for _, d := range p.Devices {
			all = append(all, d.Path)
		}
		return all
	}(); !slices.Equal(paths, []string{"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"}) || len(p.Grants) > 0 {
		t.Errorf("with a root of its own: %v", paths)
	}
	n.Debug = true
	p = &isolators.Plan{}
	must(t, i.Prepare(ctx, n, p), i.Cleanup(ctx, n))
	if len(p.Grants) > 0 {
		t.Errorf("to debug: %v", p.Grants)
	}
}

func TestCardsAreWhole(t *testing.T) {
	i := build(t, simulated(t, 0, 1), settings(&guard{}))
	for _, n := range []float64{0.1, 1.5} {
		if err := i.Prepare(ctx, container(t, "c", n), &isolators.Plan{}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "The 'gpus' resource must be an unsigned integer") {
			t.Errorf("%v: %v", n, err)
		}
	}
}

// The order of the bus is that of NVML, whatever the nodes are called.
func TestDiscovery(t *testing.T) {
	m := simulated(t, 2, 0, 1)
	if all, err := m.Minors(); err != nil || !slices.Equal(all, []int{2, 0, 1}) {
		t.Errorf("%v, %v", all, err)
	}
	s := settings(&guard{})
	s.NvidiaGPUDevices = []int{0, 2}
	if has := grants(t, build(t, m, s), container(t, "c", 2)); !slices.Equal(has, []uint32{1, 2}) {
		t.Errorf("of those that are listed: %v", has)
	}
	if all, err := (gpu.Machine{Cards: "/none"}).Minors(); err != nil || len(all) > 0 {
		t.Errorf("without a driver: %v, %v", all, err)
	}
	must(t, os.WriteFile(filepath.Join(m.Cards, "0000:01:00.0/information"), []byte("Device Minor: \t x\n"), 0o444))
	if _, err := m.Minors(); !errors.Is(err, fault.ErrUnsupported) {
		t.Error(err)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	m := simulated(t, 0)
	without := settings(&guard{})
	without.Before = nil
	posix := settings(&guard{})
	posix.Isolation = []string{"gpu/nvidia"}
	far := settings(&guard{})
	far.NvidiaGPUDevices = []int{1}
	for sentence, s := range map[string]isolators.Settings{
		"The 'cgroups/devices' or 'cgroups/all' isolator must be enabled in order to use the 'gpu/nvidia' isolator": without,
		"The 'filesystem/linux' isolator must be enabled in order to use the 'gpu/nvidia' isolator":                 posix,
		"there is no card 1 among 1": far,
	} {
		if _, err := gpu.New(m)(s); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
	m.Dev = t.TempDir()
	if _, err := gpu.New(m)(settings(&guard{})); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "Failed to obtain device ID for") {
		t.Error(err)
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		name     string
		isolated bool
		cards    int
		devices  []int
		said     *float64
		want     float64
		ok       bool
		wrong    string
	}{
		{"nothing is looked for without the isolator", false, 4, nil, nil, 0, false, ""},
		{"devices without the isolator", false, 4, []int{0}, new(1.0), 0, false, "can only be specified if"},
		{"what is said without the isolator stands", false, 0, nil, new(100.0), 100, true, ""},
		{"all are found", true, 4, nil, nil, 4, true, ""},
		{"none is there", true, 0, nil, nil, 0, false, ""},
		{"0 looks for none", true, 4, nil, new(0.0), 0, false, ""},
		{"0 with devices", true, 4, []int{0}, new(0.0), 0, false, "when '--resources' specifies 0 GPUs"},
		{"as many as are listed", true, 4, []int{3, 1}, new(2.0), 2, true, ""},
		{"devices without a number", true, 4, []int{0}, nil, 0, false, "without also setting 'gpus' in '--resources'"},
		{"a number without devices", true, 4, nil, new(1.0), 0, false, "without also setting `--nvidia_gpu_devices`"},
		{"half a card", true, 4, []int{0}, new(0.5), 0, false, "must be an non-negative integer"},
		{"one twice", true, 4, []int{0, 0}, new(2.0), 0, false, "contains duplicates"},
		{"different numbers", true, 4, []int{0}, new(2.0), 0, false, "specify different numbers"},
		{"more than there are", true, 1, []int{0, 1}, new(2.0), 0, false, "greater than the number of GPUs available"},
	} {
		n, ok, err := gpu.Amount(c.isolated, c.cards, c.devices, c.said)
		if n != c.want || ok != c.ok || (err != nil) != (c.wrong != "") || err != nil && (!errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v %v, %v", c.name, n, ok, err)
		}
	}
}

// Real groups keep a container from the cards that are not its own: there, nothing is behind the nodes (ENXIO); elsewhere it is
// not allowed (EPERM).
func TestNvidia(t *testing.T) {
	m := simulated(t, 0, 1)
	var before []isolators.Builder
	for _, b := range cgroups.Builders() {
		if b.Names[0] == "cgroups/core" || b.Names[0] == "cgroups/devices" {
			before = append(before, b)
		}
	}
	before = append(before, isolators.Builder{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux})
	try := func(t *testing.T, x *exam.Box, zero, one string) {
		t.Helper()
		exam.Eventually(t, "cards can be opened as they are given", func() bool {
			text, _ := os.ReadFile(filepath.Join(x.Container.Sandbox, "tried"))
			said := strings.Split(strings.TrimSpace(string(text)), "\n")
			return len(said) >= 2 && strings.Contains(said[0], zero) && strings.Contains(said[1], one)
		})
	}
	const may, mayNot = "No such device or address", "Operation not permitted"
	exam.Take(t, exam.Case{
		Builder:   isolators.Builder{Names: []string{"gpu/nvidia"}, New: gpu.New(m)},
		Before:    before,
		Needs:     []exam.Need{exam.Root, exam.Kernel(5, 12)},
		Settings:  func(s *isolators.Settings) { *s = with(*s) },
		Container: func(c *isolators.Container) { c.Info = &mesospb.ContainerInfo{} },
		Script:    fmt.Sprintf(`while :; do for n in 0 1; do cat %s/nvidia$n; done > new 2>&1; mv new tried; sleep 0.05; done`, m.Dev),
		Running: func(t *testing.T, x *exam.Box) {
			if x.Container.Resources[0].GetName() != "gpus" { // it was given none yet
				try(t, x, mayNot, mayNot)
			}
		},
		Update:  func(c *isolators.Container) { c.Resources = append(c.Resources[:0:0], exam.Scalar("gpus", 1)) },
		Updated: func(t *testing.T, x *exam.Box) { try(t, x, may, mayNot) },
		Refused: map[string]func(*isolators.Container){
			"more cards than there are": func(c *isolators.Container) { c.Resources = append(c.Resources, exam.Scalar("gpus", 3)) },
			"half a card":               func(c *isolators.Container) { c.Resources = append(c.Resources, exam.Scalar("gpus", 0.5)) },
		},
	})
}

func with(s isolators.Settings) isolators.Settings {
	s.Launcher, s.Isolation = "linux", []string{"filesystem/linux", "cgroups/devices", "gpu/nvidia"}
	return s
}
