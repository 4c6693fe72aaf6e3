package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Share is how an area stands.
type Share struct {
	List, Area                 string
	Shown, NotApplicable, Open int
	// Later are open, too, but wait for a feature that is not there yet; Open does not count them.
	Later int
}

// Percent is the part of the cases that apply to what exists that is shown, 100 for an area where nothing applies.
func (s Share) Percent() float64 { return percent(s.Shown, s.Open) }

// Whole is the part of all applicable cases that is shown, 100 for an area where nothing applies.
func (s Share) Whole() float64 { return percent(s.Shown, s.Open+s.Later) }

func percent(shown, open int) float64 {
	if shown+open == 0 {
		return 100
	}
	return 100 * float64(shown) / float64(shown+open)
}

// Count adds rows up by list and area, sorted, each list closed by its total with an empty area.
func Count(rows []Row) []Share {
	by := map[[2]string]*Share{}
	add := func(list, area string, r Row) {
		k := [2]string{list, area}
		if by[k] == nil {
			by[k] = &Share{List: list, Area: area}
		}
		switch {
		case r.Later():
			by[k].Later++
		case r.Ours == "open":
			by[k].Open++
		case r.Ours == "n/a":
			by[k].NotApplicable++
		default:
			by[k].Shown++
		}
	}
	for _, r := range rows {
		add(r.List, r.Area, r)
		add(r.List, "", r)
	}
	var shares []Share
	for _, s := range by {
		shares = append(shares, *s)
	}
	slices.SortFunc(shares, func(a, b Share) int {
		if c := strings.Compare(a.List, b.List); c != 0 {
			return c
		}
		if (a.Area == "") != (b.Area == "") { // the total comes last
			return strings.Compare(b.Area, a.Area)
		}
		return strings.Compare(a.Area, b.Area)
	})
	return shares
}

// Print writes the shares as a table. Without all, areas in which everything is open or later are left to the total.
func Print(to io.Writer, shares []Share, all bool) {
	w := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "list\tarea\tshown\tn/a\topen\tlater\tshare\twith later")
	for _, s := range shares {
		if !all && s.Area != "" && s.Shown == 0 && s.NotApplicable == 0 {
			continue
		}
		area := s.Area
		if area == "" {
			area = "total"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%.0f %%\t%.0f %%\n", s.List, area, s.Shown, s.NotApplicable, s.Open, s.Later, s.Percent(), s.Whole())
	}
	w.Flush()
}
