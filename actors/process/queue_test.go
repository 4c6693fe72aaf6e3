package process

import "testing"

// TestQueue compares the queue with a slice, over every interleaving that chunks could mind.
func TestQueue(t *testing.T) {
	var q queue
	var want []int
	next := 0
	for round := range 500 {
		for range round * 7 % 200 {
			q.push(mail{body: next})
			want = append(want, next)
			next++
		}
		for range round * 13 % 190 {
			if q.len == 0 {
				break
			}
			if got := q.pop().body.(int); got != want[0] {
				t.Fatalf("popped %d, want %d", got, want[0])
			}
			want = want[1:]
		}
		if q.len != len(want) {
			t.Fatalf("length %d, want %d", q.len, len(want))
		}
	}
	for q.len > 0 {
		q.pop()
	}
	if q.first != nil || q.last != nil {
		t.Error("an empty queue holds a chunk")
	}
}
