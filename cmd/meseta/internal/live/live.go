// Package live is the table of `meseta top` without its terminal: what agents report becomes rows, keys change how they are sorted and
// which are seen, and the whole becomes lines. Who reads keys and shows lines is elsewhere.
package live

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/isolators/sample"
)

// Row is a container.
type Row struct {
	// Task is what runs in it: the task's id, and how many others there are with it.
	Task, Agent, Framework string
	// Now is what it used between the last two reports. Counted: waits and devices are known.
	Now     sample.Point
	Counted bool
	// MemoryLimit is in KiB, CPULimit in thousandths of a processor; 0: none is known.
	MemoryLimit, CPULimit float64
	// History of its processors, the oldest first, with the present at the end.
	History []uint32
}

// Column is one by which rows can be sorted.
type Column int

// The columns, from left to right.
const (
	Task Column = iota
	Agent
	CPU
	Wait
	Memory
	Read
	Written
	Received
	Sent
	columns
)

// Table is what is known of all containers, and how it is looked at. The zero Table is not ready: see New.
type Table struct {
	By      Column
	Reverse bool
	// Paused: rows stay as they are.
	Paused bool
	// First is the first row that is seen.
	First int
	// Trouble is what could not be asked, to be shown below.
	Trouble []string

	rows map[string]*known // by container
	sum  int
}

type known struct {
	Row
	totals sample.Totals
	at     time.Time
	points []uint32 // since top began
	seen   int
}

// New is a table without rows, the busiest first.
func New() *Table { return &Table{By: CPU, rows: map[string]*known{}} }

// keptPoints is how much of the history is seen at most.
const keptPoints = 60

// Begin begins a round of reports. Containers that none of them names are gone at its End.
func (t *Table) Begin() { t.sum++ }

// Take takes the report of an agent, by the name that people know it by.
func (t *Table) Take(agent string, r *beyond.UsageReport) {
	for i := range r.Containers {
		u := &r.Containers[i]
		figures, err := u.Figures()
		if err != nil || len(u.Statistics) == 0 {
			continue // it has just ended
		}
		now := sample.Of(figures, u.Sample)
		k := t.rows[u.ContainerID]
		if k == nil {
			k = &known{at: r.Time, totals: now}
			k.Now = sample.Point{Memory: uint32(now.Memory >> 10)}
			for _, p := range u.History {
				k.points = append(k.points, p.CPU)
				k.Now.CPU, k.Now.Wait, k.Now.Read, k.Now.Written, k.Now.Received, k.Now.Sent = p.CPU, p.Wait, p.Read, p.Written, p.Received, p.Sent
			}
			t.rows[u.ContainerID] = k
		}
		if p, ok := sample.Rate(k.totals, now, r.Time.Sub(k.at)); ok {
			k.Now, k.totals, k.at = p, now, r.Time
			k.points = append(k.points, p.CPU)
		}
		if extra := len(k.points) - keptPoints; extra > 0 {
			k.points = slices.Delete(k.points, 0, extra)
		}
		k.Task, k.Agent, k.Framework, k.seen = nameOf(u), agent, u.FrameworkName, t.sum
		k.History, k.Counted = k.points, u.Sample != nil
		k.MemoryLimit = float64(max(figures.GetMemLimitBytes(), figures.GetMemSoftLimitBytes())) / 1024
		k.CPULimit = 1000 * max(figures.GetCpusLimit(), figures.GetCpusSoftLimit())
	}
}

// Missing keeps the rows of an agent that did not answer.
func (t *Table) Missing(agent string) {
	for _, k := range t.rows {
		if k.Agent == agent {
			k.seen = t.sum
		}
	}
}

// End forgets containers that were in no report since Begin.
func (t *Table) End() {
	for id, k := range t.rows {
		if k.seen != t.sum {
			delete(t.rows, id)
		}
	}
}

// nameOf is what people call a container: its tasks, or its executor while it has none.
func nameOf(u *beyond.Usage) string {
	var ids []string
	for _, task := range u.Tasks {
		ids = append(ids, task.ID)
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return "(" + u.ExecutorID + ")"
	}
	return strings.Join(ids, ",")
}

// Rows are all, in the order that is wanted. Those that are alike are in the order of their names, so that nothing jumps.
func (t *Table) Rows() []Row {
	rows := make([]Row, 0, len(t.rows))
	for _, k := range t.rows {
		rows = append(rows, k.Row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		order := compare(a, b, t.By)
		if t.Reverse {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.Task, b.Task), cmp.Compare(a.Agent, b.Agent))
	})
	return rows
}

// compare puts names from a to z and numbers from the largest on.
func compare(a, b Row, by Column) int {
	of := func(p sample.Point) uint32 {
		return [columns]uint32{CPU: p.CPU, Wait: p.Wait, Memory: p.Memory, Read: p.Read, Written: p.Written, Received: p.Received, Sent: p.Sent}[by]
	}
	switch by {
	case Task:
		return cmp.Compare(a.Task, b.Task)
	case Agent:
		return cmp.Compare(a.Agent, b.Agent)
	}
	return cmp.Compare(of(b.Now), of(a.Now))
}
