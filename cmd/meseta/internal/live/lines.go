package live

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// Painter gives text a style: that of a screen.Screen.
type Painter interface {
	Paint(style screen.Style, text string) string
}

var titles = [columns]string{"TASK", "AGENT", "CPU", "WAIT", "MEMORY", "READ/S", "WRITE/S", "RECV/S", "SENT/S"}

// The least and the most of names, and how wide numbers are.
const (
	leastName, mostName, leastAgent, mostAgent, numberWidth = 12, 48, 6, 20, 8
	leastSpark, mostSpark                                   = 8, keptPoints
	around                                                  = 3 // lines that are no rows: summary, titles and help
)

// Page is how many rows a screen of a height has room for.
func (t *Table) Page(height int) int { return max(height-around-len(t.Trouble), 1) }

// Lines are the whole screen, at most height of them and none wider than width.
func (t *Table) Lines(width, height int, p Painter) []string {
	rows := t.Rows()
	page := t.Page(height)
	first := min(max(t.First, 0), max(len(rows)-page, 0))
	l := layoutOf(rows, width)
	lines := []string{clip(t.summary(rows), width, p, screen.Bold), t.head(l, p)}
	for _, r := range rows[first:min(first+page, len(rows))] {
		lines = append(lines, line(r, l, p))
	}
	for len(lines) < height-1-len(t.Trouble) {
		lines = append(lines, "")
	}
	for _, trouble := range t.Trouble {
		lines = append(lines, clip(screen.Clean(trouble), width, p, screen.Yellow))
	}
	return append(lines, clip("←→ column  r reverse  ↑↓ scroll  p pause  q quit", width, p, screen.Faint))
}

// layout is how wide what is. Where there is too little room the sparklines go first, then the agents, then numbers from the right.
type layout struct{ name, agent, numbers, spark int }

func layoutOf(rows []Row, width int) (l layout) {
	name := leastName
	for _, r := range rows {
		name, l.agent = max(name, utf8.RuneCountInString(r.Task)), max(l.agent, utf8.RuneCountInString(r.Agent))
	}
	l.agent = min(max(l.agent, leastAgent), mostAgent)
	l.numbers = min(int(columns-CPU), max((width-leastName)/(numberWidth+1), 1))
	left := width - (numberWidth+1)*l.numbers
	if left-l.agent-1 < leastName {
		l.agent = 0
	} else {
		left -= l.agent + 1
	}
	l.name = max(min(name, mostName, left), 1)
	if l.spark = min(left-l.name-1, mostSpark); l.spark < leastSpark || l.agent == 0 {
		l.spark = 0
	}
	return l
}

func (t *Table) summary(rows []Row) string {
	cpu, memory := 0.0, 0.0
	agents := map[string]bool{}
	for _, r := range rows {
		cpu += float64(r.Now.CPU) / 1000
		memory += float64(r.Now.Memory) * 1024
		agents[r.Agent] = true
	}
	several := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	text := fmt.Sprintf("%s on %s: %.2f cpus, %s of memory", several(len(rows), "container"), several(len(agents), "agent"), cpu, Bytes(memory))
	if t.Paused {
		text += " (paused)"
	}
	return text
}

func (t *Table) head(l layout, p Painter) string {
	title := func(c Column, width int) string {
		style, text := screen.Faint, titles[c]
		if c == t.By {
			style = screen.Bold
			text += map[bool]string{false: "▾", true: "▴"}[t.Reverse]
		}
		return p.Paint(style, pad(text, width, c >= CPU))
	}
	cells := []string{title(Task, l.name)}
	if l.agent > 0 {
		cells = append(cells, title(Agent, l.agent))
	}
	for c := range l.numbers {
		cells = append(cells, title(CPU+Column(c), numberWidth))
	}
	if l.spark > 0 {
		cells = append(cells, p.Paint(screen.Faint, pad("CPU LATELY", l.spark, false)))
	}
	return strings.Join(cells, " ")
}

func line(r Row, l layout, p Painter) string {
	rate := func(kib uint32) string {
		if kib == 0 {
			return pad("-", numberWidth, true)
		}
		return pad(Bytes(float64(kib)*1024), numberWidth, true)
	}
	processors := func(milli uint32, limit float64) string {
		return p.Paint(share(float64(milli), limit), pad(fmt.Sprintf("%.2f", float64(milli)/1000), numberWidth, true))
	}
	wait := pad("-", numberWidth, true)
	if r.Counted {
		wait = processors(r.Now.Wait, muchWait)
	}
	cells := []string{pad(screen.Clean(r.Task), l.name, false)}
	if l.agent > 0 {
		cells = append(cells, pad(screen.Clean(r.Agent), l.agent, false))
	}
	cells = append(cells, []string{
		processors(r.Now.CPU, r.CPULimit), wait,
		p.Paint(share(float64(r.Now.Memory), r.MemoryLimit), pad(Bytes(float64(r.Now.Memory)*1024), numberWidth, true)),
		rate(r.Now.Read), rate(r.Now.Written), rate(r.Now.Received), rate(r.Now.Sent),
	}[:l.numbers]...)
	if l.spark > 0 {
		cells = append(cells, p.Paint(screen.Cyan, Spark(r.History, l.spark)))
	}
	return strings.Join(cells, " ")
}

// muchWait is a quarter of a processor, in thousandths: who waits for so much is held up.
const muchWait = 250

// share is the style of what comes near its limit.
func share(v, limit float64) screen.Style {
	switch {
	case limit <= 0 || v < 0.7*limit:
		return screen.Plain
	case v < 0.95*limit:
		return screen.Yellow
	}
	return screen.Red
}

// Spark draws the last values, each as high as its share of the largest, in a width. Nothing is the lowest, so that a line can be seen.
func Spark(values []uint32, width int) string {
	if len(values) > width {
		values = values[len(values)-width:]
	}
	if len(values) == 0 {
		return strings.Repeat(" ", width)
	}
	most := max(slices.Max(values), 1)
	const bars = "▁▂▃▄▅▆▇█"
	var out strings.Builder
	out.WriteString(strings.Repeat(" ", width-len(values)))
	for _, v := range values {
		i := int(uint64(v) * 7 / uint64(most))
		out.WriteString(bars[i*3 : i*3+3])
	}
	return out.String()
}

// Bytes are for people, in at most seven letters.
func Bytes(n float64) string {
	for _, unit := range []string{"B", "K", "M", "G", "T"} {
		switch {
		case n < 10 && unit != "B":
			return fmt.Sprintf("%.1f%s", n, unit)
		case n < 1000:
			return fmt.Sprintf("%.0f%s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.0fP", n)
}

// pad makes text exactly as wide as it is to be; what is cut off ends with an ellipsis.
func pad(text string, width int, right bool) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n > width:
		return string([]rune(text)[:max(width-1, 0)]) + "…"
	case right:
		return strings.Repeat(" ", width-n) + text
	}
	return text + strings.Repeat(" ", width-n)
}

func clip(text string, width int, p Painter, style screen.Style) string {
	if utf8.RuneCountInString(text) > width {
		text = pad(text, width, false)
	}
	return p.Paint(style, text)
}
