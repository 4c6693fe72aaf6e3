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
}

// Percent is the part of the applicable cases that is shown, 100 for an area where nothing applies.
func (s Share) Percent() float64 {
	if s.Shown+s.Open == 0 {
		return 100
	}
	return 100 * float64(s.Shown) / float64(s.Shown+s.Open)
}

// Count adds rows up by list and area, sorted, each list closed by its total with an empty area.
func Count(rows []Row) []Share {
	by := map[[2]string]*Share{}
	add := func(list, area string, r Row) {
		k := [2]string{list, area}
		if by[k] == nil {
			by[k] = &Share{List: list, Area: area}
		}
		switch r.Ours {
		case "open":
			by[k].Open++
		case "n/a":
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

// Print writes the shares as a table. Without all, areas in which everything is open are left to the total.
func Print(to io.Writer, shares []Share, all bool) {
	w := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "list\tarea\tshown\tn/a\topen\tshare")
	for _, s := range shares {
		if !all && s.Area != "" && s.Shown == 0 && s.NotApplicable == 0 {
			continue
		}
		area := s.Area
		if area == "" {
			area = "total"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%.0f %%\n", s.List, area, s.Shown, s.NotApplicable, s.Open, s.Percent())
	}
	w.Flush()
}
