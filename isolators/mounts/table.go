// Package mounts reads tables of mounts, and changes what is mounted in the mount namespaces of others. Nothing that it does
// is seen in the agent's own: a mount is made as a tree that is nowhere (open_tree(2)), and put into its place by a thread
// that has entered the namespace (Linux 5.12 or newer).
package mounts

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// Mount is a line of /proc/N/mountinfo.
type Mount struct {
	ID, Parent   int
	Major, Minor uint32
	// Root is the directory of the file system that is seen at Target.
	Root, Target string
	// Options are those of this mount, such as ro and nodev; Super those of the file system.
	Options, Super []string
	// Shared is the peer group that what is mounted below spreads to, Master the one that it comes from; 0: none.
	Shared, Master int
	Type, Source   string
}

// Has tells whether a mount or its file system has an option.
func (m Mount) Has(option string) bool {
	for _, list := range [][]string{m.Options, m.Super} {
		for _, o := range list {
			if o == option {
				return true
			}
		}
	}
	return false
}

// Table is all mounts that a process sees, each after the one that it is on.
type Table []Mount

// Read reads the table of a process, as in "self" or "17". That of a process that has ended is empty.
func Read(pid string) (Table, error) {
	f, err := os.Open("/proc/" + pid + "/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f)
}

// Parse reads a table. A line that is none is fault.ErrInvalid.
func Parse(r io.Reader) (Table, error) {
	var found []Mount
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m, err := parse(lines.Text())
		if err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("table of mounts: %w", err)
	}
	return sorted(found), nil
}

// parse reads "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue".
func parse(line string) (m Mount, err error) {
	wrong := func(what string) (Mount, error) {
		return Mount{}, fmt.Errorf("table of mounts: %q has no %s: %w", line, what, fault.ErrInvalid)
	}
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Split(after, " ")
	if !ok || len(left) < 6 || len(right) < 3 {
		return wrong("three parts after a dash and six before it")
	}
	var errs [2]error
	m.ID, errs[0] = strconv.Atoi(left[0])
	m.Parent, errs[1] = strconv.Atoi(left[1])
	if errs[0] != nil || errs[1] != nil {
		return wrong("numbers at its beginning")
	}
	if n, err := fmt.Sscanf(left[2], "%d:%d", &m.Major, &m.Minor); n != 2 || err != nil {
		return wrong("device as its third part")
	}
	m.Root, m.Target, m.Options = plain(left[3]), plain(left[4]), strings.Split(left[5], ",")
	for _, tag := range left[6:] {
		name, number, _ := strings.Cut(tag, ":")
		switch name {
		case "shared":
			m.Shared, err = strconv.Atoi(number)
		case "master":
			m.Master, err = strconv.Atoi(number)
		}
		if err != nil {
			return wrong("number in " + tag)
		}
	}
	m.Type, m.Source, m.Super = plain(right[0]), plain(right[1]), strings.Split(right[len(right)-1], ",")
	return m, nil
}

// plain undoes what the kernel writes for blanks, tabs, line ends and backslashes: three octal digits.
func plain(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var s strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				s.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		s.WriteByte(text[i])
	}
	return s.String()
}

// sorted puts each mount after the one that it is on, in the order of the kernel otherwise. The root is on a mount that is
// not in the table, or on itself.
func sorted(found []Mount) Table {
	there := map[int]bool{}
	for _, m := range found {
		there[m.ID] = true
	}
	on := map[int][]Mount{}
	var table Table
	for _, m := range found {
		if m.Parent == m.ID || !there[m.Parent] {
			table = append(table, m)
		} else {
			on[m.Parent] = append(on[m.Parent], m)
		}
	}
	for i := 0; i < len(table); i++ {
		table = append(table, on[table[i].ID]...)
		delete(on, table[i].ID)
	}
	return table
}

// Of is the mount that a path is on: the last one whose target is the path or a directory above it. The path has no links.
func (t Table) Of(name string) (m Mount, ok bool) {
	name = path.Clean(name)
	for _, one := range t {
		if (one.Target == "/" || name == one.Target || strings.HasPrefix(name, one.Target+"/")) && (!ok || len(one.Target) >= len(m.Target)) {
			m, ok = one, true
		}
	}
	return m, ok
}

// At is what is mounted at a path, the uppermost.
func (t Table) At(name string) (m Mount, ok bool) {
	m, ok = t.Of(name)
	return m, ok && m.Target == path.Clean(name)
}
