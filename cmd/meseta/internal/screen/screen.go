// Package screen writes for people: tables that line up, and colours where there is a terminal to show them.
package screen

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Style is how a piece of text looks.
type Style string

const (
	Plain   Style = ""
	Bold    Style = "1"
	Faint   Style = "2"
	Red     Style = "31"
	Green   Style = "32"
	Yellow  Style = "33"
	Blue    Style = "34"
	Magenta Style = "35"
	Cyan    Style = "36"
)

// Screen is a stream that people may be looking at.
type Screen struct {
	io.Writer
	colour bool
}

// New looks whether f is a terminal. NO_COLOR turns colours off, as everywhere.
func New(f *os.File) *Screen {
	return &Screen{f, term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Text is a screen without colours on any stream.
func Text(w io.Writer) *Screen { return &Screen{Writer: w} }

// Paint gives text a style, if the screen has any.
func (s *Screen) Paint(style Style, text string) string {
	if !s.colour || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Cell is a field of a table.
type Cell struct {
	Text  string
	Style Style
	Right bool // numbers line up at their right end
}

// Table writes rows under a head, each column as wide as its widest cell.
func (s *Screen) Table(head []string, rows [][]Cell) error {
	all := make([][]Cell, 1, len(rows)+1)
	for i, title := range head {
		all[0] = append(all[0], Cell{Text: title, Style: Faint, Right: len(rows) > 0 && rows[0][i].Right})
	}
	for _, row := range rows {
		clean := make([]Cell, len(row))
		for i, c := range row {
			c.Text = Clean(c.Text)
			clean[i] = c
		}
		all = append(all, clean)
	}
	width := make([]int, len(head))
	for _, row := range all {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c.Text))
		}
	}
	var out strings.Builder
	for _, row := range all {
		line := ""
		for i, c := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.Text))
			if c.Right {
				line += pad + s.Paint(c.Style, c.Text)
			} else {
				line += s.Paint(c.Style, c.Text) + pad
			}
			line += "  "
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(s, out.String())
	return err
}

// Bar draws a share from 0 to 1, width cells wide, in eighths of a cell.
func Bar(share float64, width int) string {
	eighths := int(min(max(share, 0), 1)*float64(8*width) + 0.5)
	if share > 0 && eighths == 0 {
		eighths = 1 // something is not nothing
	}
	full, rest := eighths/8, eighths%8
	bar := strings.Repeat("█", full)
	if rest > 0 {
		bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return bar + strings.Repeat("·", width-utf8.RuneCountInString(bar))
}

// Terminal says whether a person is looking.
func (s *Screen) Terminal() bool {
	f, ok := s.Writer.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Field is a name and what it stands for.
type Field struct {
	Name  string
	Value string
	Style Style
}

// Fields writes names and values below each other. A value of several lines is indented.
func (s *Screen) Fields(fields []Field) error {
	width := 0
	for _, f := range fields {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	var out strings.Builder
	for _, f := range fields {
		if f.Value == "" {
			continue
		}
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(f.Name))
		lines := strings.Split(strings.TrimRight(f.Value, "\n"), "\n")
		for i := range lines {
			lines[i] = Clean(lines[i])
		}
		out.WriteString(s.Paint(Faint, f.Name) + pad + "  " + s.Paint(f.Style, lines[0]) + "\n")
		for _, line := range lines[1:] {
			out.WriteString(strings.Repeat(" ", width+2) + s.Paint(f.Style, line) + "\n")
		}
	}
	_, err := io.WriteString(s, out.String())
	return err
}

// Clean makes control characters visible: names come from strangers, and a terminal obeys what it is sent.
func Clean(text string) string {
	if strings.IndexFunc(text, unicode.IsControl) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}
