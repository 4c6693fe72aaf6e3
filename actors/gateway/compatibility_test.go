package gateway_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/operator"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// The states of a row.
const (
	works   = "works"
	partial = "partial"
	notYet  = "not yet"
)

// page reads docs/compatibility.md: for each heading its table, by the first column.
func page(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	tables, heading := map[string]map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		if h, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(h)
			tables[heading] = map[string]string{}
		}
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) >= 4 {
			name := strings.TrimSpace(cells[1])
			if _, twice := tables[heading][name]; twice {
				t.Errorf("%s: %s is there twice", heading, name)
			}
			tables[heading][name] = strings.TrimSpace(cells[2])
		}
	}
	return tables
}

// Every call and event of the API has a row, and what a row says of the operators' calls is what the code does.
func TestCompatibilityOfCallsAndEvents(t *testing.T) {
	tables := page(t)
	for heading, c := range map[string]struct {
		names map[int32]string
		says  func(number int32) string // "": the code has no table of its own
	}{
		"Scheduler calls":  {schedulerpb.Call_Type_name, nil},
		"Scheduler events": {schedulerpb.Event_Type_name, nil},
		"Executor calls":   {executorpb.Call_Type_name, nil},
		"Executor events":  {executorpb.Event_Type_name, nil},
		"Operator calls of the master": {masterpb.Call_Type_name, func(n int32) string {
			return answered(operator.Calls[masterpb.Call_Type(n)].Missing)
		}},
		"Operator events of the master": {masterpb.Event_Type_name, nil},
		"Operator calls of the agent": {agentpb.Call_Type_name, func(n int32) string {
			return answered(agent.Missing(agentpb.Call_Type(n)))
		}},
	} {
		rows := tables[heading]
		for number, name := range c.names {
			state := rows[name]
			if state != works && state != partial && state != notYet {
				t.Errorf("%s: %s is %q; works, partial or not yet expected", heading, name, state)
				continue
			}
			if c.says != nil && (state == notYet) != (c.says(number) == notYet) {
				t.Errorf("%s: the page says that %s %s, but the code that it is %s", heading, name, state, c.says(number))
			}
			delete(rows, name)
		}
		for name := range rows {
			if name != "call" && name != "event" && !strings.HasPrefix(name, "---") {
				t.Errorf("%s: %s is nothing of Mesos'", heading, name)
			}
		}
	}
}

func answered(missing string) string {
	if missing == "" {
		return works
	}
	return notYet
}

// Every route has a row, and every row that says so has a route.
func TestCompatibilityOfEndpoints(t *testing.T) {
	rows := page(t)["Endpoints"]
	var served []string
	for _, isMaster := range []bool{true, false} {
		for _, r := range guarded(t, isMaster).(*web.Router).Routes() {
			served = append(served, r.Path())
			if rows[r.Path()] == "" {
				t.Errorf("%s has no row", r.Path())
			}
		}
	}
	for path, state := range rows {
		if strings.HasPrefix(path, "/") && state == works && !slices.Contains(served, path) {
			t.Errorf("the page says that %s works, but nobody serves it", path)
		}
	}
}
