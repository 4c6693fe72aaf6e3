package cgroups

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
)

func TestHandles(t *testing.T) {
	h, err := newHandles("0x0012", "0x0001,0x0003")
	if err != nil {
		t.Fatal(err)
	}
	var got []Handle
	for range 3 {
		n, err := h.alloc()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if got[0] != (Handle{0x12, 1}) || got[1] != (Handle{0x12, 2}) || got[2] != (Handle{0x12, 3}) {
		t.Errorf("given are %v", got)
	}
	if n, err := h.alloc(); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a fourth of three: %v, %v", n, err)
	}
	h.free(got[1])
	h.free(Handle{0x13, 1}) // somebody else's
	if n, err := h.alloc(); err != nil || n != got[1] {
		t.Errorf("what was given back is %v, %v", n, err)
	}
	if got[2].ClassID() != 0x0012_0003 || HandleOf(0x0012_0003) != got[2] || got[2].String() != "0x0012:0x0003" {
		t.Errorf("%v is %#x", got[2], got[2].ClassID())
	}
}

func TestHandlesAreNotGivenAgainAtOnce(t *testing.T) {
	h, _ := newHandles("0x0012", "1,3")
	first, _ := h.alloc()
	h.free(first)
	if n, _ := h.alloc(); n == first {
		t.Errorf("%v is given again while its packets may be under way", n)
	}
}

func TestHandlesReserved(t *testing.T) {
	h, _ := newHandles("0x0012", "1,2")
	if err := h.reserve(Handle{0x12, 1}); err != nil {
		t.Fatal(err)
	}
	if err := h.reserve(Handle{0x12, 1}); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("twice: %v", err)
	}
	for _, foreign := range []Handle{{0x13, 2}, {0x12, 7}} {
		if err := h.reserve(foreign); err != nil {
			t.Errorf("%v: %v", foreign, err)
		}
	}
	if n, err := h.alloc(); err != nil || n != (Handle{0x12, 2}) {
		t.Errorf("left is %v, %v", n, err)
	}
	if _, err := h.alloc(); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("nothing is left: %v", err)
	}
}

func TestHandlesRefused(t *testing.T) {
	for _, c := range [][2]string{{"0", ""}, {"0x10000", ""}, {"x", ""}, {"", "1,2"}, {"1", "0,2"}, {"1", "2,1"}, {"1", "1"}, {"1", "1,0x10000"}, {"1", "1,2,3"}} {
		if h, err := newHandles(c[0], c[1]); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q %q: %v, %v", c[0], c[1], h, err)
		}
	}
	if h, err := newHandles("", ""); h != nil || err != nil {
		t.Errorf("nothing was asked for: %v, %v", h, err)
	}
	if h, err := newHandles("0xffff", ""); err != nil || h.first != 1 || h.last != 0xffff {
		t.Errorf("without a range it is all of them: %v, %v", h, err)
	}
}
