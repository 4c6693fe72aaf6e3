// Package all knows every isolator by the names that --isolation has for it, in the order in which they work.
package all

import "github.com/meseta-io/meseta/isolators"

// Builders are all kinds. What is on the machine comes first, then what a container sees of it, then what it may do.
func Builders() []isolators.Builder {
	return nil
}
