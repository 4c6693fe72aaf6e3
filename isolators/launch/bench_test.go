package launch

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// What a launch costs, against the least that there is and against the runtime that everybody uses. Each runs the same
// no-op, busybox's true, to its end.

func BenchmarkForkExec(b *testing.B) {
	dir := newRoot(b)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	attr := &syscall.ProcAttr{Env: []string{"PATH=/bin"}, Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}}
	for b.Loop() {
		pid, err := syscall.ForkExec(filepath.Join(dir, "bin/busybox"), []string{"true"}, attr)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLaunch has what an agent's containers have: namespaces, a root with its mounts, masks and devices, capabilities,
// no_new_privs, a filter of 500 instructions, and in one of the two a first process that stays.
func BenchmarkLaunch(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("only root has namespaces without a user namespace")
	}
	plain := shell("")
	plain.Path, plain.Argv = filepath.Join(newRoot(b), "bin/busybox"), []string{"true"}
	full := boxed(b, "")
	full.Path, full.Argv = "/bin/true", []string{"true"}
	full.NoNewPrivileges = true
	keep := uint64(0xa80425fb) & owned(b)
	full.Capabilities = &isolators.Capabilities{Bounding: keep, Permitted: keep, Effective: keep, Inheritable: keep}
	full.Seccomp = allowing(500)
	full.Rlimits = []isolators.Rlimit{{Kind: unix.RLIMIT_CORE}}
	init := *full
	init.Init = true
	machine := shell("")
	machine.Path, machine.Argv, machine.Namespaces = plain.Path, plain.Argv, private
	machine.Mounts = []isolators.Mount{{Type: "proc", Target: "/proc"}}
	for _, c := range []struct {
		name string
		plan *isolators.Plan
	}{{"plain", plain}, {"namespaces", machine}, {"container", full}, {"container with init", &init}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				carryOut(b, c.plan)
			}
		})
	}
}

// BenchmarkTimesForkExec compares in one run, turn by turn, because the machine's own pace changes from second to second.
func BenchmarkTimesForkExec(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("only root has namespaces without a user namespace")
	}
	plain := filepath.Join(newRoot(b), "bin/busybox")
	full := boxed(b, "")
	full.Path, full.Argv = "/bin/true", []string{"true"}
	var bare, boxed time.Duration
	for b.Loop() {
		began := time.Now()
		c := exec.Command(plain)
		c.Args = []string{"true"}
		if err := c.Run(); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		carryOut(b, full)
		bare, boxed = bare+between.Sub(began), boxed+time.Since(between)
	}
	b.ReportMetric(float64(boxed)/float64(bare), "×fork/exec")
}

func carryOut(t testing.TB, plan *isolators.Plan) {
	t.Helper()
	c, err := Start(plan, Files{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Go()
	status, _, werr := c.Wait()
	if err != nil || werr != nil || status != 0 {
		t.Fatal(err, werr, status)
	}
}

// allowing is a filter that lets everything through, after so many instructions.
func allowing(n int) []isolators.Instruction {
	filter := make([]isolators.Instruction, n)
	for i := range filter {
		filter[i] = isolators.Instruction{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}
	}
	filter[n-1] = isolators.Instruction{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW}
	return filter
}

// owned are this process' capabilities.
func owned(t testing.TB) uint64 {
	t.Helper()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32
}

func BenchmarkRunc(b *testing.B) {
	runc, err := exec.LookPath("runc")
	if err != nil || os.Geteuid() != 0 {
		b.Skip("runc is missing, or root: apt-get install runc")
	}
	bundle := b.TempDir()
	spec := exec.Command(runc, "spec")
	spec.Dir = bundle
	if out, err := spec.CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	text, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil {
		b.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		b.Fatal(err)
	}
	process := config["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/bin/true"}
	config["root"] = map[string]any{"path": newRoot(b), "readonly": false}
	linux := config["linux"].(map[string]any)
	linux["cgroupsPath"] = fmt.Sprintf("meseta-bench-runc-%d", os.Getpid())
	var kinds []any
	for _, n := range linux["namespaces"].([]any) {
		if n.(map[string]any)["type"] != "network" { // the launches above have none either
			kinds = append(kinds, n)
		}
	}
	linux["namespaces"] = kinds
	if text, err = json.Marshal(config); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
	state, n := b.TempDir(), 0
	for b.Loop() {
		n++
		id := fmt.Sprintf("meseta-bench-%d-%d", os.Getpid(), n)
		if out, err := exec.Command(runc, "--root", state, "run", "-b", bundle, id).CombinedOutput(); err != nil {
			b.Fatal(err, string(out))
		}
	}
}
