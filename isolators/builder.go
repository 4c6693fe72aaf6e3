package isolators

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// Builder makes one kind of isolator.
type Builder struct {
	// Names are what --isolation calls it: the first is its own, the others stand for it too.
	Names []string
	// Sets are names that stand for several, of which each is in where it is possible: "cgroups/all".
	Sets []string
	// Always: it is part of every chain, named or not, where New does not say that it is impossible.
	Always bool
	// New makes it, or says what is missing on this machine and how to get it, in class fault.ErrInvalid; or what is wrong with
	// its flags, which is ErrFlags too.
	New func(Settings) (Isolator, error)
}

// ErrFlags is about flags of an isolator that say something wrong. Then the agent does not start, even when the isolator was not
// named: it would run containers without what the flags ask for.
var ErrFlags = errors.New("flags of an isolator are wrong")

// Build makes the chain that an --isolation names. Its order is that of the builders, whatever the order of the names. An
// unknown name and an impossible isolator are of class fault.ErrInvalid.
func Build(builders []Builder, names []string, s Settings) (Chain, error) {
	var chain Chain
	wanted, unknown := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			wanted[n], unknown[n] = true, true
		}
	}
	for _, b := range builders {
		named, meant := false, b.Always
		for _, n := range b.Names { // one name may stand for several, as "cgroups" does
			named = named || wanted[n]
			delete(unknown, n)
		}
		for _, n := range b.Sets {
			meant = meant || wanted[n]
			delete(unknown, n)
		}
		if !named && !meant {
			continue
		}
		s.Before = chain
		i, err := b.New(s)
		switch {
		case err == nil:
			chain = append(chain, i)
		case named || errors.Is(err, ErrFlags):
			return nil, fmt.Errorf("--isolation: %s: %w", b.Names[0], err)
		}
	}
	if names := slices.Sorted(maps.Keys(unknown)); len(names) > 0 {
		return nil, fmt.Errorf("--isolation: there is no isolator %q; there are %s: %w", names[0], known(builders), fault.ErrInvalid)
	}
	return chain, nil
}

func known(builders []Builder) string {
	var all []string
	for _, b := range builders {
		all = append(all, b.Names[0])
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
