package press_test

import (
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/press"
)

// Those who never end their turns hold up nobody, and those who do end only their own.
func TestTurn(t *testing.T) {
	var late []func()
	for range 50 {
		late = append(late, press.Turn())
	}
	for range 1000 {
		press.Turn()()
	}
	for _, done := range late {
		done()
	}
	for range 50 {
		press.Turn()
	}
}
