package main

import (
	"strings"
	"testing"
	"time"
)

// at is a moment of a story, in seconds.
func at(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }

func fact(seconds float64, what What, state, uuid string) Fact {
	return Fact{At: at(seconds).UnixNano(), What: what, Task: "t", Agent: "A", Executor: "t", State: state, UUID: uuid, Milli: 3000}
}

// heard is an update that came and was told.
func heard(seconds float64, state, uuid string) []Fact {
	return []Fact{fact(seconds, Came, state, uuid), fact(seconds, Told, state, uuid)}
}

func joined(lists ...[]Fact) (all []Fact) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// good is the story of a task for which everything went well.
func good() Evidence {
	return Evidence{
		Journals: map[string][]Fact{"f": joined(
			[]Fact{{What: Begun}, fact(0, Launched, "", "")},
			heard(1, "TASK_STARTING", "u1"), heard(2, "TASK_RUNNING", "u2"), heard(3, "TASK_FINISHED", "u3"),
		)},
		Marks:    map[string][]Mark{"t": {{"begin", at(1.5)}, {"end", at(2.5)}}},
		Capacity: 4000,
	}
}

// Every promise has a story in which it is broken, and the judge sees it.
func TestJudge(t *testing.T) {
	begun := []Fact{{What: Begun}, fact(0, Launched, "", "")}
	running := joined(begun, heard(1, "TASK_STARTING", "u1"), heard(2, "TASK_RUNNING", "u2"))
	for _, x := range []struct {
		name   string
		change func(e *Evidence)
		broken string // "" for none
		check  func(v *Verdict) bool
	}{
		{"all is well", func(*Evidence) {}, "", func(v *Verdict) bool { return v.Started == 1 && v.Finished == 1 }},
		{"it ran twice", func(e *Evidence) { e.Marks["t"] = append(e.Marks["t"], Mark{"begin", at(5)}) }, "began 2 times", func(v *Verdict) bool { return v.Doubled == 1 }},
		{"finished without an end", func(e *Evidence) { e.Marks["t"] = e.Marks["t"][:1] }, "said to be finished", func(v *Verdict) bool { return v.Lost == 1 }},
		{"nobody knows", func(e *Evidence) { e.Journals["f"] = running }, "nobody says how it ended", func(v *Verdict) bool { return v.Lost == 1 }},
		{"failed without a cause", func(e *Evidence) { e.Journals["f"] = joined(running, heard(3, "TASK_FAILED", "u3")) }, "without a cause", func(v *Verdict) bool { return v.Lost == 1 }},
		{"it ran, and is said to have been dropped", func(e *Evidence) { e.Journals["f"] = joined(begun, heard(1, "TASK_GONE", "")) }, "without a cause", func(v *Verdict) bool { return v.Lost == 1 }},
		{"killed by the storm", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FAILED", "u3"))
			e.Hurt = []Hurt{{At: at(2.5), How: Killed, Agent: "A", Executor: "t"}}
		}, "", func(v *Verdict) bool { return v.Hurt == 1 && v.Lost == 0 }},
		{"another was killed", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FAILED", "u3"))
			e.Hurt = []Hurt{{At: at(2.5), How: Killed, Agent: "A", Executor: "other"}}
		}, "without a cause", nil},
		{"it ended before it was killed", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FAILED", "u3"))
			e.Hurt = []Hurt{{At: at(3.5), How: Killed, Agent: "A", Executor: "t"}}
		}, "without a cause", nil},
		{"silenced is no reason to fail", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FAILED", "u3"))
			e.Hurt = []Hurt{{At: at(2.5), How: Silent, Agent: "A"}}
		}, "without a cause", nil},
		{"silenced and waited for in vain", func(e *Evidence) {
			end := fact(3, Told, "TASK_FAILED", "u3")
			end.Reason = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
			e.Journals["f"] = append(running, end)
			e.Hurt = []Hurt{{At: at(2.5), How: Silent, Agent: "A"}}
		}, "", func(v *Verdict) bool { return v.Hurt == 1 }},
		{"its agent was retired", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_GONE_BY_OPERATOR", ""))
			e.Hurt = []Hurt{{At: at(2.5), How: Retired, Agent: "A"}}
		}, "", func(v *Verdict) bool { return v.Hurt == 1 }},
		{"killed by its framework", func(e *Evidence) {
			e.Journals["f"] = joined(running, []Fact{fact(2.5, KillAsked, "", "")}, heard(3, "TASK_KILLED", "u3"))
		}, "", func(v *Verdict) bool { return v.Killed == 1 }},
		{"killed by nobody", func(e *Evidence) { e.Journals["f"] = joined(running, heard(3, "TASK_KILLED", "u3")) }, "without a cause", nil},
		{"never launched", func(e *Evidence) {
			e.Journals["f"] = joined(begun, heard(1, "TASK_GONE", ""))
			e.Marks = nil
		}, "", func(v *Verdict) bool { return v.Dropped == 1 && v.Started == 0 }},
		{"an acknowledged update returns", func(e *Evidence) {
			e.Journals["f"] = append(e.Journals["f"], fact(4, Came, "TASK_RUNNING", "u2"))
		}, "came again after", func(v *Verdict) bool { return v.Returned == 1 }},
		{"an acknowledgement was lost", func(e *Evidence) {
			e.Journals["f"] = joined(running, []Fact{fact(2.5, Came, "TASK_RUNNING", "u2")}, heard(3, "TASK_FINISHED", "u3"))
		}, "", nil},
		{"the library tells twice", func(e *Evidence) {
			e.Journals["f"] = append(e.Journals["f"], fact(4, Told, "TASK_FINISHED", "u3"))
		}, "told TASK_FINISHED twice", nil},
		{"a new life is told again", func(e *Evidence) {
			e.Journals["f"] = append(e.Journals["f"], Fact{What: Begun}, fact(4, Told, "TASK_FINISHED", "u3"))
		}, "", nil},
		{"out of order", func(e *Evidence) {
			e.Journals["f"] = joined(begun, heard(1, "TASK_RUNNING", "u1"), heard(2, "TASK_STARTING", "u2"), heard(3, "TASK_FINISHED", "u3"))
		}, "TASK_STARTING came after TASK_RUNNING", func(v *Verdict) bool { return v.Disorder == 1 }},
		{"two ends", func(e *Evidence) {
			e.Journals["f"] = joined(e.Journals["f"], heard(4, "TASK_FAILED", "u4"))
		}, "TASK_FAILED came after TASK_FINISHED", nil},
		{"over, and then running in a master's words", func(e *Evidence) {
			e.Journals["f"] = joined(e.Journals["f"], heard(4, "TASK_RUNNING", ""))
		}, "was TASK_FINISHED and then TASK_RUNNING", nil},
		{"said to be gone, and then running", func(e *Evidence) {
			e.Journals["f"] = joined(begun, heard(1, "TASK_GONE", ""), heard(2, "TASK_RUNNING", "u1"), heard(3, "TASK_FINISHED", "u2"))
		}, "told to be TASK_GONE, and then TASK_RUNNING", nil},
		{"unreachable, and back", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(2.2, "TASK_UNREACHABLE", ""), heard(2.4, "TASK_RUNNING", ""), heard(3, "TASK_FINISHED", "u3"))
		}, "", nil},
		{"the end is a master's word only", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FINISHED", ""))
		}, "the update that it finished never came", func(v *Verdict) bool { return v.Missing == 1 }},
		{"a retired agent takes its last words along", func(e *Evidence) {
			e.Journals["f"] = joined(running, heard(3, "TASK_FINISHED", ""))
			e.Hurt = []Hurt{{At: at(3.5), How: Retired, Agent: "A"}}
		}, "", func(v *Verdict) bool { return v.Finished == 1 }},
		{"nobody said that it runs", func(e *Evidence) {
			e.Journals["f"] = joined(begun, heard(3, "TASK_FINISHED", "u3"))
		}, "the update that it runs never came", nil},
		{"too many at once", func(e *Evidence) {
			other := fact(0, Launched, "", "")
			other.Task = "o"
			end := fact(3, Told, "TASK_FAILED", "o1")
			end.Task = "o"
			e.Journals["g"] = []Fact{other, end}
			e.Marks["o"] = []Mark{{"begin", at(2)}}
			e.Hurt = []Hurt{{At: at(2.9), How: Killed, Agent: "A", Executor: "t"}}
		}, "tasks of 6000 milli CPUs at once", func(v *Verdict) bool { return v.Overbooked == 1 }},
		{"one after the other", func(e *Evidence) {
			other := fact(0, Launched, "", "")
			other.Task = "o"
			end := fact(4, Told, "TASK_FAILED", "o1")
			end.Task = "o"
			e.Journals["g"] = []Fact{other, end}
			e.Marks["o"] = []Mark{{"begin", at(2.6)}}
			e.Hurt = []Hurt{{At: at(2.9), How: Killed, Agent: "A", Executor: "t"}}
		}, "", nil},
		{"nobody launched it", func(e *Evidence) { e.Marks["x"] = []Mark{{"begin", at(1)}} }, "nobody launched it", nil},
		{"gone comes back", func(e *Evidence) {
			e.Hurt = []Hurt{{At: at(0), How: Retired, Agent: "B"}}
			e.Journals["f"] = append(e.Journals["f"], Fact{At: at(100).UnixNano(), What: Offered, Agent: "B"})
		}, "was marked gone, and offered", nil},
		{"a pause", func(e *Evidence) {
			for _, s := range []float64{1, 2, 7, 8} {
				e.Journals["f"] = append(e.Journals["f"], Fact{At: at(s).UnixNano(), What: Offered, Agent: "A"})
			}
		}, "", func(v *Verdict) bool { return v.Quiet == Pause{at(2), 5 * time.Second} }},
	} {
		t.Run(x.name, func(t *testing.T) {
			e := good()
			x.change(&e)
			v := Judge(e)
			all := strings.Join(v.Broken, "\n")
			if x.broken == "" && all != "" || !strings.Contains(all, x.broken) {
				t.Errorf("broken: %q, want %q", all, x.broken)
			}
			if x.check != nil && !x.check(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}
