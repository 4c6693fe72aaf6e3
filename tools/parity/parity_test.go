package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

var repository = fstest.MapFS{"actors/x/x_test.go": {Data: []byte(`package x
func TestStory(t *testing.T) { t.Run("it ends well", nil) }
func (s suite) TestMethod(t *testing.T) {}
`)}}

func TestFind(t *testing.T) {
	cases := []struct{ name, counterpart, want string }{
		{"a test", "actors/x TestStory", ""},
		{"a subtest as it is written", "actors/x TestStory/it ends well", ""},
		{"a subtest as go prints it", "actors/x TestStory/it_ends_well", ""},
		{"a test that is not there", "actors/x TestOther", "has no TestOther"},
		{"a method is no test", "actors/x TestMethod", "has no TestMethod"},
		{"a subtest that is not there", "actors/x TestStory/it ends", "names no subtest"},
		{"a package that is not there", "actors/y TestStory", "has no tests"},
		{"something else", "yes", "is not"},
	}
	tests := NewTests(repository)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := tests.Find(c.counterpart)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestCheckAndCount(t *testing.T) {
	rows, err := ReadRows(strings.NewReader(header + `
mesos	a	S	Shown	actors/x TestStory	
mesos	a	S	Twice	open	
mesos	a	S	Twice	open	
mesos	b	S	NoReason	n/a	
mesos	b	S	Reason	n/a	Windows only
mesos	c	S	Waits	open	later: pods
mesos	c	S	Shown	actors/x TestStory	
mesos	c	S	Dreams	open	later: world peace
mesos	c	S	Excuse	open	pods
`))
	if err != nil {
		t.Fatal(err)
	}
	if faults := Check(rows, NewTests(repository)); len(faults) != 4 {
		t.Errorf("faults %v, want the double, the missing reason, the feature that nobody knows, and the note without later", faults)
	}
	var out bytes.Buffer
	Print(&out, Count(rows), false)
	const want = `list   area   shown  n/a  open  later  share  with later
mesos  a      1      0    2     0      33 %   33 %
mesos  b      0      2    0     0      100 %  100 %
mesos  c      1      0    1     2      50 %   25 %
mesos  total  2      2    3     2      40 %   29 %
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// The table of the repository has a row for each of the 2,399 and 299 cases, and claims nothing that is not there.
func TestTheTableIsTrue(t *testing.T) {
	f, err := os.Open("../../docs/parity.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := ReadRows(f)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range rows {
		n[r.List]++
	}
	if n["mesos"] != 2399 || n["libprocess"] != 299 {
		t.Errorf("rows: %v, want 2399 of mesos and 299 of libprocess", n)
	}
	for _, e := range Check(rows, NewTests(os.DirFS("../.."))) {
		t.Error(e)
	}
}
