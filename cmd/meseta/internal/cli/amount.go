package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/bytesize"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// megabytes is an amount of memory or disk: a plain number counts megabytes, as in Mesos' resources.
type megabytes float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *megabytes) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseFloat(string(text), 64); err == nil && n >= 0 {
		*m = megabytes(n)
		return nil
	}
	n, err := bytesize.Parse(string(text))
	if err != nil {
		return fmt.Errorf("megabytes or a size expected, as in 128 or 2GB")
	}
	*m = megabytes(float64(n) / (1 << 20))
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (m megabytes) MarshalText() ([]byte, error) { return []byte(number(float64(m))), nil }

// number writes an amount as short as it can be.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// sizeOf writes megabytes for people.
func sizeOf(mb float64) string {
	switch {
	case mb >= 10*1024:
		return strconv.FormatFloat(mb/1024, 'f', 1, 64) + " GB"
	case mb >= 10 || mb == 0:
		return strconv.FormatFloat(mb, 'f', 0, 64) + " MB"
	}
	return strconv.FormatFloat(mb, 'f', 1, 64) + " MB"
}

// took writes a duration for people.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Minute).String()
}

// summary writes the quantities of resources for people: "cpus:4 mem:4096 disk:8192".
func summary(r resources.Resources) string {
	text := ""
	for name, amount := range r.ScalarQuantities().All() {
		text += " " + name + ":" + amount.String()
	}
	if text == "" {
		return "nothing"
	}
	return text[1:]
}

func quantities(messages []*mesospb.Resource) resources.Resources {
	return resources.FromValid(messages)
}

// used is what a label of a task's last status says that it used.
func used(s *mesospb.TaskStatus, label string, format func(float64) string) string {
	for _, l := range s.GetLabels().GetLabels() {
		if l.GetKey() != label {
			continue
		}
		if n, err := strconv.ParseFloat(l.GetValue(), 64); err == nil {
			return format(n)
		}
	}
	return "-"
}

// cpuTime writes seconds of a processor for people.
func cpuTime(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 2, 64) + " s" }

// byteSize writes bytes for people.
func byteSize(n float64) string {
	switch {
	case n < 1000:
		return number(n) + " B"
	case n < 1000*1024:
		return strconv.FormatFloat(n/1024, 'f', 1, 64) + " KB"
	}
	return sizeOf(n / (1 << 20))
}

// firstLine is the first line of a text, of which size bytes exist, short enough to stand behind others.
func firstLine(text string, size uint64) string {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) > 40 {
		line = line[:40]
	}
	if uint64(len(line)+1) < size {
		line += " …"
	}
	return line
}
