package seccomp

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
)

func TestParse(t *testing.T) {
	p, err := Parse([]byte(`{
		"defaultAction": "SCMP_ACT_ERRNO",
		"archMap": [
			{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
			{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
		"syscalls": [
			{"names": ["accept", "writev"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
			{"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
				"args": [{"index": 0, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
				"includes": {"minKernel": "4.8"}, "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"amd64": {"X86_64", "X86", "X32"}, "arm64": {"AARCH64", "ARM"}}[runtime.GOARCH]
	var arches []string
	for _, a := range p.Arches {
		arches = append(arches, a.Name)
	}
	// Those of other machines are left out.
	if fmt.Sprint(arches) != fmt.Sprint(want) || p.Default != Errno|1 {
		t.Errorf("%v, %#x", arches, uint32(p.Default))
	}
	rules := []Rule{
		{Names: []string{"accept", "writev"}, Action: Allow},
		{Names: []string{"clone"}, Action: Errno | 38, Args: []Arg{{0, MaskedEqual, 2080505856, 0}},
			Includes: Conditions{MinKernel: Kernel{4, 8}}, Excludes: Conditions{Caps: 1 << 21, Arches: []string{"s390", "s390x"}}},
	}
	if !reflect.DeepEqual(p.Rules, rules) {
		t.Errorf("%+v", p.Rules)
	}
	t.Run("of the older format", func(t *testing.T) {
		p, err := Parse([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_ARM"], "syscalls": [{"name": "chmod", "action": "SCMP_ACT_TRAP"}]}`))
		if err != nil || len(p.Arches) != 2 || len(p.Rules) != 1 || p.Rules[0].Names[0] != "chmod" || p.Rules[0].Action != Trap {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("of one argument twice either is enough", func(t *testing.T) {
		p, err := Parse([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_LOG", "args": [
			{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}`))
		if err != nil || len(p.Rules) != 2 || p.Rules[1].Args[0].Value != 40 {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("every action and operator", func(t *testing.T) {
		for name := range actions {
			if _, err := Parse(fmt.Appendf(nil, `{"defaultAction": %q}`, name)); err != nil {
				t.Error(err)
			}
		}
		for name, op := range ops {
			p, err := Parse(fmt.Appendf(nil, `{"defaultAction": "SCMP_ACT_KILL", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 5, "value": 18446744073709551615, "op": %q}]}]}`, name))
			if err != nil || p.Rules[0].Args[0].Op != op {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
	})
}

// What Mesos refuses is refused in its words.
func TestParseRefuses(t *testing.T) {
	top := func(rule string) string {
		return `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [], "syscalls": [` + rule + `]}`
	}
	for text, why := range map[string]string{
		`{"defaultAction!!BUG": "SCMP_ACT_ERRNO", "archMap": [], "syscalls": []}`: "Cannot determine 'defaultAction'",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap!!BUG": [], "syscalls": []}`: "Cannot determine 'archMap'",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [], "syscalls!!BUG": []}`: "Cannot determine 'syscalls'",
		`{"defaultAction": "SCMP_ACT_!!BUG", "archMap": [], "syscalls": []}`:      "Unknown syscall action: 'SCMP_ACT_!!BUG'",
		`{"defaultAction": "ALLOW"}`:                                   "Unexpected syscall action: 'ALLOW'",
		`{"defaultAction": "SCMP_ACT_NOTIFY"}`:                         "needs somebody who listens",
		`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}`: "error number from 0 to 4095",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_!!BUG", "subArchitectures": []}], "syscalls": []}`:                   "Unknown architecture: 'SCMP_ARCH_!!BUG'",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_!!BUG"]}], "syscalls": []}`: "Unknown architecture: 'SCMP_ARCH_!!BUG'",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures!!BUG": []}], "syscalls": []}`:             "Cannot determine 'subArchitectures'",
		`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64"}], "architectures": ["SCMP_ARCH_X86"]}`:                      "leave one out",
		`{"defaultAction": "SCMP_ACT_ERRNO", "defaultAction": "SCMP_ACT_ALLOW"}`:                                                                          "comes twice",
		`[]`: "a JSON object was expected",
		top(`{"names!!BUG": ["accept"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}}`):                            "Cannot determine 'names'",
		top(`{"names": [], "action": "SCMP_ACT_ALLOW"}`):                                                                                     "Syscall 'names' list is empty",
		top(`{"names": ["accept"], "action!!BUG": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}}`):                            "Cannot determine 'action'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "args!!BUG": [], "includes": {}, "excludes": {}}`):                            "Cannot determine 'args'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "args": [], "includes!!BUG": {}, "excludes": {}}`):                            "Cannot determine 'includes'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes!!BUG": {}}`):                            "Cannot determine 'excludes'",
		top(`{"names": ["accept", "writev!!BUG"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}}`):                  "Unrecognized syscall 'writev!!BUG'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_!!BUG", "args": [], "includes": {}, "excludes": {}}`):                                 "Unknown syscall action: 'SCMP_ACT_!!BUG'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index!!BUG": 0, "value": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]}`): "Cannot determine 'index'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value!!BUG": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]}`): "Cannot determine 'value'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "valueTwo!!BUG": 0, "op": "SCMP_CMP_EQ"}]}`): "Cannot determine 'valueTwo'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "valueTwo": 0, "op!!BUG": "SCMP_CMP_EQ"}]}`): "Cannot determine 'op'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ!!BUG"}]}`): "Unknown operator: 'SCMP_CMP_EQ!!BUG'",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}`):                     "no number from 0 to 5",
		top(`{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]}`):                    "no number from 0 to",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {"arches": ["amd64!!SPECTRE"]}}`):     "Unknown architecture: 'amd64!!SPECTRE'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {"caps": ["CAP_SYS_ADMIN!!BUG"]}}`):   "Unknown capability: 'CAP_SYS_ADMIN!!BUG'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["SYS_ADMIN"]}}`):                                        "Unexpected capability: 'SYS_ADMIN'",
		top(`{"names": ["accept"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}`):                                           "no version of a kernel",
		top(`{"names": [null], "action": "SCMP_ACT_ALLOW"}`):                                                                                 "non-string item",
		top(strings.Repeat(" ", maxBytes)): "at most",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("%.200s: %v, want %s", text, err, why)
		}
	}
}

// Whatever is in a file, it is a profile whose filter can be made and loaded, or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}], "syscalls": [{"names": ["clone", "socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}], "excludes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"}}]}`))
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_KILL", "syscalls": [{"name": "ipc", "action": "SCMP_ACT_TRACE", "errnoRet": 9}]}`))
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X32"], "syscalls": [{"names": ["read", "read"], "action": "SCMP_ACT_TRAP", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, {"index": 0, "value": 9, "op": "SCMP_CMP_LT"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatalf("%v has no class", err)
			}
			return
		}
		filter, err := Compile(p, For{Caps: 7, Kernel: Kernel{6, 1}})
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatalf("%v has no class", err)
			}
			return
		}
		m := newMachine(t, filter)
		for _, c := range []call{{}, {arch: 0xc000003e, number: 41}, {arch: 0x40000003, number: 102}, {arch: 0xc000003e, number: x32Bit | 41}} {
			if got, want := m.run(t, c), meaning(p, For{Caps: 7, Kernel: Kernel{6, 1}}, c); got != want {
				t.Errorf("%+v: the filter says %#x, the profile %#x", c, uint32(got), uint32(want))
			}
		}
	})
}
