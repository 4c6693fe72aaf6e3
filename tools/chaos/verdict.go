package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Evidence is what a storm left: what the frameworks wrote down, what the tasks did, and what was done to them.
type Evidence struct {
	Journals map[string][]Fact // of each framework, in its order
	Marks    map[string][]Mark // of each task, in its order
	Hurt     []Hurt
	Capacity int64 // of each agent, in milli CPUs
}

// Mark is what a task did, seen from outside.
type Mark struct {
	What string // begin, end
	At   time.Time
}

// Hurt is something that was done on purpose and may end a task.
type Hurt struct {
	At       time.Time
	How      Harm
	Agent    string // its id
	Executor string // empty: all of the agent
	Doubtful bool   // it may not have come to it
}

// Harm says what may become of those who were hurt.
type Harm string

// The harms.
const (
	Killed  Harm = "killed"   // it is over, however the cluster calls that
	Silent  Harm = "silenced" // frozen or cut off: only an executor that was waited for may be given up
	Retired Harm = "retired"  // with its agent, by an operator
)

// Verdict is what the evidence shows.
type Verdict struct {
	Started, Finished  int // tasks that ran; tasks that did all of their work
	Killed, Dropped    int // ended by somebody on purpose; launches that came to nothing and said so
	Hurt               int // ended by what was done to them
	Lost, Doubled      int
	Missing, Disorder  int // updates
	Returned           int // updates that came again after they were acknowledged and another had come
	Overbooked, Undead int
	Broken             []string // each broken promise, in a sentence
	Open               []string // what may still come: ends and updates that nobody has told yet
	Quiet              Pause    // the longest time without an offer
}

// Pause is a time in which something did not happen.
type Pause struct {
	From time.Time
	For  time.Duration
}

// awaits is a broken promise that more patience might keep.
func (v *Verdict) awaits(count *int, format string, args ...any) {
	v.breaks(count, format, args...)
	v.Open = append(v.Open, v.Broken[len(v.Broken)-1])
}

func (v *Verdict) breaks(count *int, format string, args ...any) {
	*count++
	v.Broken = append(v.Broken, fmt.Sprintf(format, args...))
}

// story is a task in the eyes of everybody.
type story struct {
	id       string
	launched Fact
	came     []Fact
	told     []Fact
	killAt   time.Time // when its framework wanted it killed
	marks    []Mark
}

// Judge says which promises were broken.
func Judge(e Evidence) *Verdict {
	v := &Verdict{}
	for _, name := range slices.Sorted(maps.Keys(e.Journals)) {
		stories := tell(e.Journals[name], e.Marks)
		for _, id := range slices.Sorted(maps.Keys(stories)) {
			s := stories[id]
			v.updates(s)
			v.life(s, e)
		}
		v.repeated(name, e.Journals[name])
	}
	for _, id := range slices.Sorted(maps.Keys(e.Marks)) {
		if !launchedBy(e.Journals, id) {
			v.breaks(&v.Undead, "task %s ran and nobody launched it", id)
		}
	}
	v.room(e)
	v.gone(e)
	v.Quiet = quiet(e.Journals)
	return v
}

func launchedBy(journals map[string][]Fact, id string) bool {
	for _, facts := range journals {
		if slices.ContainsFunc(facts, func(f Fact) bool { return f.What == Launched && f.Task == id }) {
			return true
		}
	}
	return false
}

// tell sorts a journal by tasks.
func tell(facts []Fact, marks map[string][]Mark) map[string]*story {
	stories := map[string]*story{}
	for _, f := range facts {
		s := stories[f.Task]
		switch {
		case f.What == Launched:
			stories[f.Task] = &story{id: f.Task, launched: f, marks: marks[f.Task]}
		case s == nil:
		case f.What == Came:
			s.came = append(s.came, f)
		case f.What == Told:
			s.told = append(s.told, f)
		case f.What == KillAsked:
			s.killAt = f.Time()
		}
	}
	return stories
}

// rank orders the states that an executor or agent reports of a task that was launched.
func rank(state string) int {
	switch state {
	case "", "TASK_STAGING":
		return 0
	case "TASK_STARTING":
		return 1
	case "TASK_RUNNING":
		return 2
	case "TASK_KILLING":
		return 3
	}
	return 4
}

// updates checks what came about a task: an update that was acknowledged never returns, they come in order, and a task
// ends once. Updates with an id are kept by an agent until they are acknowledged, one after the other, so the next one
// shows that the one before was. Those without are what a master knows, and may repeat.
func (v *Verdict) updates(s *story) {
	seen, latest, last := map[string]bool{}, "", Fact{}
	ended := ""
	for _, f := range s.came {
		if f.UUID == "" {
			if ended != "" && !over(f.State) && f.State != "TASK_UNKNOWN" {
				v.breaks(&v.Disorder, "task %s was %s and then %s", s.id, ended, f.State)
			}
			if over(f.State) {
				ended = cmp.Or(ended, f.State)
			}
			continue
		}
		switch {
		case f.UUID == latest: // again, because its acknowledgement is on the way
		case seen[f.UUID]:
			v.breaks(&v.Returned, "task %s: the update %s %s came again after it was acknowledged and %s had come", s.id, f.State, f.UUID, last.State)
		case rank(f.State) < rank(last.State) || over(last.State):
			v.breaks(&v.Disorder, "task %s: %s came after %s", s.id, f.State, last.State)
		case ended != "" && f.State != ended && !over(f.State):
			v.breaks(&v.Disorder, "task %s was told to be %s, and then %s", s.id, ended, f.State)
		}
		if !seen[f.UUID] {
			seen[f.UUID], latest, last = true, f.UUID, f
		}
		if over(f.State) {
			ended = cmp.Or(ended, f.State)
		}
	}
}

// repeated checks that the library told each update once in one life of a framework. A framework that speaks HTTP gets
// every copy.
func (v *Verdict) repeated(name string, facts []Fact) {
	if strings.HasPrefix(name, "web") {
		return
	}
	told := map[string]bool{}
	for _, f := range facts {
		switch {
		case f.What == Begun:
			clear(told)
		case f.What == Told && f.UUID != "" && told[f.UUID]:
			v.breaks(&v.Returned, "task %s: the library told %s twice", f.Task, f.State)
		case f.What == Told:
			told[f.UUID] = true
		}
	}
}

// life checks what became of a task against what it did.
func (v *Verdict) life(s *story, e Evidence) {
	begins, ends := count(s.marks, "begin"), count(s.marks, "end")
	final := Fact{}
	for _, f := range s.told {
		if over(f.State) && (final.State == "" || f.UUID != "") {
			final = f
		}
	}
	if begins > 0 {
		v.Started++
	}
	if begins > 1 || ends > 1 {
		v.breaks(&v.Doubled, "task %s began %d times and ended %d times", s.id, begins, ends)
	}
	harm := harmed(s, final, e.Hurt)
	switch state := final.State; {
	case state == "":
		v.awaits(&v.Lost, "task %s: nobody says how it ended (it began %d times and ended %d times; the last that came is %s)", s.id, begins, ends, lastOf(s.came))
	case state == "TASK_FINISHED" && begins == 1 && ends == 1:
		v.Finished++
		// What an agent had still to say when it was retired is gone with it.
		if !retired(s.launched.Agent, e.Hurt) {
			v.told(s, final)
		}
	case state == "TASK_FINISHED":
		v.breaks(&v.Lost, "task %s is said to be finished, but began %d times and ended %d times", s.id, begins, ends)
	case state == "TASK_KILLED" && !s.killAt.IsZero():
		v.Killed++
	case harm:
		v.Hurt++
	case begins == 0:
		v.Dropped++
	default:
		v.breaks(&v.Lost, "task %s began and is %s without a cause of ours (%s: %s)", s.id, state, final.Reason, final.Message)
	}
}

// told checks that the whole story of a task that finished was told.
func (v *Verdict) told(s *story, final Fact) {
	if final.UUID == "" {
		v.awaits(&v.Missing, "task %s: the update that it finished never came; a master's word was all", s.id)
		return
	}
	if !slices.ContainsFunc(s.came, func(f Fact) bool { return f.UUID != "" && f.State == "TASK_RUNNING" }) {
		v.awaits(&v.Missing, "task %s: the update that it runs never came", s.id)
	}
}

func lastOf(facts []Fact) string {
	if len(facts) == 0 {
		return "nothing"
	}
	return facts[len(facts)-1].State
}

func count(marks []Mark, what string) (n int) {
	for _, m := range marks {
		if m.What == what {
			n++
		}
	}
	return n
}

// ordersOnTheWay is how long a launch may be on its way to an executor that is dead already.
const ordersOnTheWay = time.Minute

// harmed says whether something that was done on purpose explains the end of a task.
func harmed(s *story, final Fact, hurt []Hurt) bool {
	return slices.ContainsFunc(hurt, func(h Hurt) bool {
		if h.Agent != s.launched.Agent || h.Executor != "" && h.Executor != s.launched.Executor {
			return false
		}
		if h.How == Retired {
			return true
		}
		if final.Time().Before(h.At) || s.launched.Time().After(h.At.Add(ordersOnTheWay)) {
			return false
		}
		return h.How == Killed || strings.Contains(final.Reason, "REGISTRATION_TIMEOUT")
	})
}

func retired(agent string, hurt []Hurt) bool {
	return slices.ContainsFunc(hurt, func(h Hurt) bool { return h.How == Retired && h.Agent == agent })
}

// room checks that what ran at the same time on an agent never needed more than the agent has.
func (v *Verdict) room(e Evidence) {
	type change struct {
		at    time.Time
		milli int64
		task  string
	}
	changes := map[string][]change{}
	for _, facts := range e.Journals {
		for _, s := range tell(facts, e.Marks) {
			from, to, ok := ran(s, e.Hurt)
			if ok {
				a := s.launched.Agent
				changes[a] = append(changes[a], change{from, s.launched.Milli, s.id}, change{to, -s.launched.Milli, s.id})
			}
		}
	}
	for _, agent := range slices.Sorted(maps.Keys(changes)) {
		list := changes[agent]
		slices.SortFunc(list, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.milli, b.milli)) })
		used := int64(0)
		for _, c := range list {
			if used += c.milli; used > e.Capacity && c.milli > 0 {
				v.breaks(&v.Overbooked, "agent %s had tasks of %d milli CPUs at once when %s began, and has %d", agent, used, c.task, e.Capacity)
			}
		}
	}
}

// ran is when a task ran for sure: until its last mark, or the first word or deed that ended it.
func ran(s *story, hurt []Hurt) (from, to time.Time, ok bool) {
	if count(s.marks, "begin") == 0 {
		return from, to, false
	}
	from, to = s.marks[0].At, s.marks[len(s.marks)-1].At
	if count(s.marks, "end") > 0 {
		return from, to, true
	}
	for _, f := range s.told {
		if over(f.State) {
			to = f.Time()
			break
		}
	}
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(to) && t.After(from) {
			to = t
		}
	}
	earlier(s.killAt)
	for _, h := range hurt {
		if h.Agent == s.launched.Agent && (h.Executor == "" || h.Executor == s.launched.Executor) {
			earlier(h.At)
		}
	}
	return from, to, to.After(from)
}

// goodbyes is how long an offer may be on its way to a framework that is frozen or cut off.
const goodbyes = 45 * time.Second

// gone checks that what is gone stays gone.
func (v *Verdict) gone(e Evidence) {
	for _, h := range e.Hurt {
		if h.How != Retired || h.Doubtful {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e.Journals)) {
			for _, f := range e.Journals[name] {
				if f.What == Offered && f.Agent == h.Agent && f.Time().After(h.At.Add(goodbyes)) {
					v.breaks(&v.Undead, "agent %s was marked gone, and offered to %s %v later", h.Agent, name, f.Time().Sub(h.At).Round(time.Second))
				}
			}
		}
	}
}

// quiet is the longest time in which no framework was offered anything.
func quiet(journals map[string][]Fact) (longest Pause) {
	var offers []time.Time
	for _, facts := range journals {
		for _, f := range facts {
			if f.What == Offered {
				offers = append(offers, f.Time())
			}
		}
	}
	slices.SortFunc(offers, time.Time.Compare)
	for i := 1; i < len(offers); i++ {
		if d := offers[i].Sub(offers[i-1]); d > longest.For {
			longest = Pause{offers[i-1], d}
		}
	}
	return longest
}
