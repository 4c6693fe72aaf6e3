package process

// Sequence runs asynchronous work one after another: each begins on the process when what was added before it
// has ended, with or without success. It belongs to one process and is used only by it.
type Sequence struct {
	b    *Base
	last Future[struct{}] // of the work that was added last
}

// NewSequence makes an empty sequence.
func NewSequence(b *Base) *Sequence { return &Sequence{b: b, last: Ready(struct{}{})} }

// Enqueue adds work. Discarding the future before the work began takes it out; after that it discards the
// work's own future. What was added behind it still waits for what was before.
func Enqueue[R any](s *Sequence, work func() Future[R]) Future[R] {
	p, result := NewPromise[R](s.b)
	turn, done := NewPromise[struct{}](s.b)
	before := s.last
	s.last = done
	Then(s.b, before, func(struct{}, error) {
		if p.s.settled() {
			turn.Complete(struct{}{}, nil)
			return
		}
		fut := work()
		p.Associate(fut)
		Then(s.b, fut, func(R, error) { turn.Complete(struct{}{}, nil) })
	})
	return result
}
