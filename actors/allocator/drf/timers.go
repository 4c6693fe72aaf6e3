package drf

// timers is a heap on deadline; a timer whose filter is gone does nothing.
type timers []timer

type timer struct {
	deadline  int64
	agent     int32
	slot, seq uint32 // generation of the agent's slot, number of the filter
}

func (h *timers) push(t timer) {
	*h = append(*h, t)
	s := *h
	for i := len(s) - 1; i > 0; {
		p := (i - 1) / 2
		if s[p].deadline <= s[i].deadline {
			break
		}
		s[p], s[i] = s[i], s[p]
		i = p
	}
}

func (h *timers) pop() timer {
	s := *h
	t := s[0]
	n := len(s) - 1
	s[0] = s[n]
	*h = s[:n]
	h.sink(0)
	return t
}

func (h *timers) sink(i int) {
	s := *h
	for {
		c := 2*i + 1
		if c >= len(s) {
			return
		}
		if c+1 < len(s) && s[c+1].deadline < s[c].deadline {
			c++
		}
		if s[i].deadline <= s[c].deadline {
			return
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
}

// rebuild restores the heap after timers were dropped from the middle.
func (h *timers) rebuild() {
	for i := len(*h)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}
