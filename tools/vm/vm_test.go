package main

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	got, err := parseList("# all of them\n./isolators/a\n\nisolators/b  TestExam|TestX # two\n")
	if want := []test{{"isolators/a", ""}, {"isolators/b", "TestExam|TestX"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"a b c", "a\na"} {
		if got, err := parseList(bad); err == nil {
			t.Errorf("%q: %+v; want an error", bad, got)
		}
	}
}

func TestTheListIsGood(t *testing.T) {
	b, err := os.ReadFile("packages")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := parseList(string(b))
	if err != nil {
		t.Error(err)
	}
	for _, one := range tests {
		if _, err := os.Stat("../../" + one.dir); err != nil {
			t.Error(err)
		}
	}
}

func TestModulesLoadAfterWhatTheyNeed(t *testing.T) {
	files := map[string]string{"xfs": "xfs.ko", "libcrc32c": "libcrc32c.ko", "crc32c_intel": "crc32c-intel.ko", "bridge": "bridge.ko", "stp": "stp.ko", "llc": "llc.ko"}
	info := map[string]string{
		"xfs.ko":    "license=GPL\x00depends=libcrc32c\x00softdep=pre: crc32c-intel builtin post: late\x00",
		"bridge.ko": "depends=stp,llc\x00", "stp.ko": "depends=llc\x00",
	}
	got, err := loadOrder([]string{"xfs", "ext4", "bridge", "stp"}, files, func(f string) ([]string, error) { return depends(info[f]), nil })
	if want := "libcrc32c.ko crc32c-intel.ko xfs.ko llc.ko stp.ko bridge.ko"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	broken := errors.New("broken")
	if _, err := loadOrder([]string{"bridge"}, files, func(string) ([]string, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("%v; want what was wrong with the file", err)
	}
}

func TestMissing(t *testing.T) {
	got := missing("Reading package lists...\nInst libfdt1 (1.6.1-4+b1 Debian:12.11/oldstable [amd64])\nInst seabios (1.16)\nConf libfdt1 (1)\n")
	if want := []string{"libfdt1", "seabios"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

func TestReport(t *testing.T) {
	const console = "firmware\r\n@@ up 3.75 6.1.0\r\n" +
		"@@ begin isolators/a\r\n=== RUN   TestOne\n--- PASS: TestOne (0.01s)\n=== RUN   TestTwo\n" +
		"    two_test.go:7: no card here\n--- SKIP: TestTwo (0.00s)\nPASS\n\n@@ end isolators/a 0\n"
	var out strings.Builder
	r := newReport(&out, false)
	for _, c := range []byte(console) { // as serial lines do: in small pieces
		r.Write([]byte{c})
	}
	if r.done || !r.ok(1) {
		t.Error("one package ended well, and the machine is not done")
	}
	r.Write([]byte("@@ begin isolators/b\n=== RUN   TestThree\n    three_test.go:9: wrong number\n--- FAIL: TestThree (0.01s)\nFAIL\n@@ end isolators/b 1\n@@ done 9.1"))
	r.close()
	if !r.done || r.ok(2) {
		t.Error("the machine is done, and a package failed")
	}
	for _, want := range []string{"Linux 6.1.0 is up after 3.75 s", "1 passed, 1 skipped", "skipped TestTwo: two_test.go:7: no card here",
		"three_test.go:9: wrong number", "FAIL isolators/b"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "=== RUN   TestOne") {
		t.Errorf("what passed is quiet:\n%s", out.String())
	}
	if r := newReport(&out, false); r.ok(1) {
		t.Error("no package ran, which is not well")
	}
}

func TestArchive(t *testing.T) {
	var a archive
	a.directory("bin")
	a.file("bin/sh", 0o755, []byte("#!"))
	b := a.bytes()
	if len(b)%4 != 0 || strings.Count(string(b), "070701") != 3 || !strings.HasSuffix(strings.TrimRight(string(b), "\x00"), "TRAILER!!!") {
		t.Errorf("%q", b)
	}
}
