package birth

import (
	"reflect"
	"testing"
)

func TestEncode(t *testing.T) {
	steps := []Step{{Op: Keyring}, {Op: Mount, N: []uint64{1 << 63, 0, 7}, S: []string{"", "a", "\x00\xff"}}, {Op: Exec, S: []string{"x"}, N: []uint64{1}}}
	b := Encode(steps)
	if got, ok := Decode(b[header:]); !ok || !reflect.DeepEqual(got, steps) {
		t.Errorf("%+v, %v", got, ok)
	}
	if int(u32(b[len(magic):])) != len(b)-header || string(b[:len(magic)]) != magic {
		t.Errorf("header %q", b[:header])
	}
	for cut := range len(b) - header {
		if got, ok := Decode(b[header : header+cut]); ok && len(got) >= len(steps) {
			t.Errorf("cut at %d it is %+v", cut, got)
		}
	}
}

func TestReport(t *testing.T) {
	for _, r := range []Report{{Step: 3, Errno: 2, Detail: "what"}, {Step: Ready}, {Step: Born, Errno: 4194304}} {
		if got, ok := ReadReport(r.Bytes()); !ok || got != r {
			t.Errorf("%+v, %v", got, ok)
		}
	}
	if _, ok := ReadReport([]byte("1234567")); ok {
		t.Error("too short")
	}
}

// What does not come from Encode is refused or is steps; it is never more than came, and nothing breaks.
func FuzzDecode(f *testing.F) {
	f.Add(Encode([]Step{{Op: Keyring}, {Op: Mount, N: []uint64{1, 2, 3, 4}, S: []string{"a", "b", "c", "d", "e"}}})[header:])
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add([]byte{byte(Exec), 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		steps, ok := Decode(b)
		if !ok {
			return
		}
		if again, ok := Decode(Encode(steps)[header:]); !ok || !reflect.DeepEqual(again, steps) {
			t.Fatalf("%+v comes back as %+v", steps, again)
		}
	})
}
