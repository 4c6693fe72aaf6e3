package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Fact is a line of a framework's journal: what it did, or what it was told, in the order in which that happened. A
// fact of a deed is written before the deed, so that a framework that is killed in between says too much and not too
// little.
type Fact struct {
	At       int64  `json:"at"` // nanoseconds since 1970
	What     What   `json:"what"`
	Task     string `json:"task,omitempty"`
	Agent    string `json:"agent,omitempty"`
	Executor string `json:"executor,omitempty"`
	State    string `json:"state,omitempty"`
	UUID     string `json:"uuid,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Message  string `json:"message,omitempty"`
	ID       string `json:"id,omitempty"`    // of the framework or offer
	Milli    int64  `json:"milli,omitempty"` // of a CPU: what a task or an offer has
}

// What says what a fact is about.
type What string

// The facts.
const (
	Begun        What = "begun"        // an incarnation of the framework
	Subscribed   What = "subscribed"   // ID is the framework's
	Disconnected What = "disconnected" //
	Offered      What = "offered"      //
	Launched     What = "launched"     // the ACCEPT is about to be sent
	Came         What = "came"         // an update as it arrived
	Told         What = "told"         // an update as the library told it, and about to be acknowledged
	KillAsked    What = "kill"         //
)

// Time is when.
func (f Fact) Time() time.Time { return time.Unix(0, f.At) }

// Journal is where a framework writes its facts. A line that was written survives the death of its writer.
type Journal struct{ f *os.File }

// OpenJournal opens a journal to be continued, with what is in it.
func OpenJournal(name string) (*Journal, []Fact, error) {
	facts, err := ReadFacts(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &Journal{f}, facts, err
}

// Write adds a fact. A framework that cannot write must not act.
func (j *Journal) Write(f Fact) {
	f.At = time.Now().UnixNano()
	line, err := json.Marshal(f)
	if err == nil {
		_, err = j.f.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "journal:", err)
		os.Exit(1)
	}
}

// ReadFacts reads a journal, which may be written to meanwhile.
func ReadFacts(name string) (facts []Fact, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return facts, nil // half a line is not there yet
		}
		if err != nil {
			return nil, err
		}
		var one Fact
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, len(facts)+1, err)
		}
		facts = append(facts, one)
	}
}
