package gpu

import (
	"slices"
	"testing"
)

func TestPool(t *testing.T) {
	p := newPool([]int{2, 0, 1})
	if all, err := p.set("a", 3); err != nil || !slices.Equal(all, []int{0, 1, 2}) {
		t.Fatalf("all of them: %v, %v", all, err)
	}
	if _, err := p.set("b", 1); err == nil {
		t.Error("there is none left")
	}
	if has, err := p.set("a", 1); err != nil || !slices.Equal(has, []int{0}) {
		t.Errorf("one is kept: %v, %v", has, err)
	}
	if has, err := p.set("b", 1); err != nil || !slices.Equal(has, []int{1}) {
		t.Errorf("the lowest that is free: %v, %v", has, err)
	}
	if err := p.claim("c", []int{1}); err == nil {
		t.Error("what another one has was claimed")
	}
	if err := p.claim("c", []int{2, 99}); err != nil { // 99 is not given away any more
		t.Error(err)
	}
	if _, err := p.set("d", 1); err == nil {
		t.Error("what was claimed was given away")
	}
	for range 2 { // the second time nobody has anything
		for _, id := range []string{"a", "b", "c"} {
			if _, err := p.set(id, 0); err != nil {
				t.Error(err)
			}
		}
	}
	if all, err := p.set("d", 3); err != nil || !slices.Equal(all, []int{0, 1, 2}) {
		t.Errorf("all are back, and no other: %v, %v", all, err)
	}
	if _, err := p.set("d", 4); err == nil {
		t.Error("what is not given away any more was given")
	}
}
