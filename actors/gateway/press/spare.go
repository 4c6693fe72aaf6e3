package press

import (
	"os"
	"runtime"
	"sync"
)

// Spare has Go's scheduler use one processor more than the machine has, for the whole program. A program that answers calls
// it when it starts.
//
// Who asks for little must not wait for those who ask for everything. Go's scheduler looks for requests that have arrived
// when one of its processors has nothing to do, and otherwise every ten milliseconds only; so one of them is left free here.
// If that is a processor of the machine's, a machine with two makes large answers with half of what it has. If it is one
// more, the kernel shares out the real ones, which it does for whoever has waited within the same few milliseconds.
//
// Who has set GOMAXPROCS knows better, and gets what it says. For all others the number is that of the program's start: Go no
// longer follows when somebody changes how many processors a cgroup may use.
func Spare() { spare() }

var spare = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
})

// slots has as many places as answers may take processors: all that the scheduler has but one. It is made when it is first
// used, because a program is through with Spare by then.
var slots = sync.OnceValue(func() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)) })
