package uuid_test

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/meseta-io/meseta/messages/uuid"
)

func TestUUIDsAreRandomAndRepeatable(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	one, same := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	seen := map[uuid.UUID]bool{}
	for range 1000 {
		u := uuid.New(one)
		if !form.MatchString(u.String()) || seen[u] || u != uuid.New(same) {
			t.Fatalf("%s", u)
		}
		seen[u] = true
	}
}
