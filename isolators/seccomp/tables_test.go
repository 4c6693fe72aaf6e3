package seccomp

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write tables.txt")

// x32 are the calls that have numbers of their own on x32, from 512 on in this order; every other one has amd64's.
var x32 = strings.Fields(`rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending
	rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice
	move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt
	io_setup io_submit execveat preadv2 pwritev2`)

// armPrivate are those that only the ARM kernel has, beyond its table.
var armPrivate = map[string]int{"breakpoint": 0xf0001, "cacheflush": 0xf0002, "usr26": 0xf0003, "usr32": 0xf0004, "set_tls": 0xf0005, "get_tls": 0xf0006}

// TestTables makes tables.txt from the sources of golang.org/x/sys again.
func TestTables(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the sources of golang.org/x/sys are found by the go command: ", err)
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "unix/zsysnum_linux_*.go"))
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	pattern := regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)`)
	byArch, names := map[string]map[string]int{}, map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		arch := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "zsysnum_linux_"), ".go")
		byArch[arch] = map[string]int{}
		for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
			name, n := strings.ToLower(m[1]), 0
			if n, err = strconv.Atoi(m[2]); err != nil {
				t.Fatal(err)
			}
			names[name], byArch[arch][name] = true, n
		}
	}
	for name, n := range armPrivate {
		names[name], byArch["arm"][name] = true, n
	}
	byArch["x32"] = maps.Clone(byArch["amd64"])
	for i, name := range x32 {
		byArch["x32"][name] = 512 + i
	}
	var b strings.Builder
	b.WriteString("# amd64 386 arm64 arm x32; made by go generate from golang.org/x/sys\n")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b.WriteString(name)
		for _, arch := range []string{"amd64", "386", "arm64", "arm", "x32"} {
			if n, ok := byArch[arch][name]; ok {
				fmt.Fprintf(&b, " %d", n)
			} else {
				b.WriteString(" -")
			}
		}
		b.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile("tables.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile("tables.txt"); err != nil || string(is) != b.String() {
		t.Errorf("tables.txt is not what golang.org/x/sys has: run go generate ./isolators/seccomp (%v)", err)
	}
}
