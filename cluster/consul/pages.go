package consul

import "sort"

// pageKeys is about how many records are read at once: some megabytes.
const pageKeys = 4096

// pages returns prefixes that together hold all names, each name once and each prefix at most limit of them, where
// names differ. The names are sorted and begin with prefix.
func pages(names []string, prefix string, limit int) []string {
	if len(names) == 0 {
		return nil
	}
	if len(names) <= limit {
		return []string{prefix}
	}
	// What all have in common cannot part them. A name that is all of it cannot be parted from the others by a
	// prefix, so it keeps them together.
	first, last := names[0], names[len(names)-1]
	common := len(prefix)
	for common < len(first) && common < len(last) && first[common] == last[common] {
		common++
	}
	if common == len(first) {
		return []string{first}
	}
	var all []string
	for len(names) > 0 {
		head := names[0][:common+1]
		n := sort.Search(len(names), func(i int) bool { return len(names[i]) <= common || names[i][:common+1] != head })
		all = append(all, pages(names[:n], head, limit)...)
		names = names[n:]
	}
	return all
}
