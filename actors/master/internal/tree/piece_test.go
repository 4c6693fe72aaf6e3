package tree_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/actors/master/internal/tree"
)

func numbers(n int) *tree.Draft[*int] {
	d := &tree.Draft[*int]{}
	for i := range n {
		d.Set(fmt.Sprintf("%05d", i), &i)
	}
	return d
}

// The pieces of any stretch are what a walk along it finds, whatever their size.
func TestPieces(t *testing.T) {
	const many = 700
	all := numbers(many).Tree()
	for _, most := range []int{1, 2, 16, 128, many, 10 * many} {
		for _, span := range [][2]int{{0, many}, {0, 0}, {0, 1}, {13, 14}, {13, 500}, {699, 700}, {500, 9999}, {-1, 3}} {
			var got, want []int
			for _, p := range all.Pieces(span[0], span[1], most) {
				count := 0
				for _, v := range p.All() {
					got = append(got, *v)
					count++
				}
				if count == 0 || count > most+1 {
					t.Fatalf("a piece of %d with branches of at most %d", count, most)
				}
			}
			for _, v := range all.Range(span[0], span[1]) {
				want = append(want, *v)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v in branches of %d: %v, want %v", span, most, got, want)
			}
		}
	}
}

// A change is in one piece; all others are the same as before.
func TestPiecesStay(t *testing.T) {
	const many, most = 5000, 64
	d := numbers(many)
	before := map[any]bool{}
	for _, p := range d.Tree().Pieces(0, many, most) {
		before[p.Identity()] = true
	}
	for step := range 50 {
		value := -step
		key := fmt.Sprintf("%05d", step*97)
		d.Set(key, &value)
		now := map[any]bool{}
		fresh, found := 0, false
		for _, p := range d.Tree().Pieces(0, many, most) {
			now[p.Identity()] = true
			if before[p.Identity()] {
				continue
			}
			fresh++
			for k, v := range p.All() {
				found = found || k == key && v == &value
			}
		}
		if fresh != 1 || !found {
			t.Errorf("%d pieces are new after one change, want one with it", fresh)
		}
		before = now
	}
}
