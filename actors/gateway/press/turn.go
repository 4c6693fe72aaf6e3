package press

import "time"

// blocked is how long a turn lasts at most. To hand 128 KiB to the kernel takes a twentieth of that.
const blocked = time.Millisecond

// Turn waits until there is a processor for somebody who has a piece of a large answer to send, and returns what ends the
// turn. Whoever takes longer waits for a slow client, which takes no processor: his turn ends by itself, so that such
// clients hold up nobody.
func Turn() (done func()) {
	slots() <- struct{}{}
	end := func() { <-slots() }
	timer := time.AfterFunc(blocked, end)
	return func() {
		if timer.Stop() {
			end()
		}
	}
}
