package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// progress shows how far something is, on one line that is written over. Where nobody looks it is silent until the end.
type progress struct {
	a     *app
	what  string
	began time.Time
	shown time.Time
	width int
}

func (a *app) progress(what string) *progress {
	return &progress{a: a, what: what, began: time.Now()}
}

// at shows done of all.
func (p *progress) at(done, all uint64) {
	const pause = 100 * time.Millisecond
	if !p.a.err.Terminal() || all == 0 || time.Since(p.shown) < pause || time.Since(p.began) < pause {
		return
	}
	p.shown = time.Now()
	rate := float64(done) / time.Since(p.began).Seconds()
	p.line(fmt.Sprintf("%s %s of %s, %s/s  %s", screen.Bar(float64(done)/float64(all), barWidth), bytesText(done), bytesText(all),
		bytesText(uint64(rate)), screen.Clean(p.what)))
}

func (p *progress) line(text string) {
	fmt.Fprintf(p.a.err, "\r%s%s", text, strings.Repeat(" ", max(0, p.width-len(text))))
	p.width = len(text)
}

// end replaces the bar by a last word.
func (p *progress) end(text string, err error) {
	if p.width > 0 {
		p.line("")
		fmt.Fprint(p.a.err, "\r")
	}
	if err == nil {
		fmt.Fprintln(p.a.err, screen.Clean(text))
	}
}
