package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

// Cluster is a cluster and how it is asked.
type Cluster struct {
	Masters []string // host:port
	Secured *tls.Config
	// Ask is a call of the v1 operator API, to the leader.
	Ask func(context.Context, *masterpb.Call) (*masterpb.Response, error)
}

// Checks are those of the masters and of the agents.
func (c Cluster) Checks(m Machine) []Check {
	return []Check{
		{"masters", func(ctx context.Context) []Finding { return judge(c.visit(ctx, m.Now)) }},
		{"agents", c.agents},
	}
}

// visited is what one master said.
type visited struct {
	at      string
	err     error
	version string
	leader  string        // whom it names; empty: nobody
	ahead   time.Duration // of our clock
	trouble string        // with the election
}

// visit asks every master at once.
func (c Cluster) visit(ctx context.Context, now func() time.Time) []visited {
	answers := make([]visited, len(c.Masters))
	done := make(chan struct{})
	for i, at := range c.Masters {
		go func() {
			answers[i] = c.one(ctx, at, now)
			done <- struct{}{}
		}()
	}
	for range c.Masters {
		<-done
	}
	return answers
}

func (c Cluster) one(ctx context.Context, at string, now func() time.Time) visited {
	v := visited{at: at}
	before := now()
	body, answer, err := get(ctx, at, "/version", c.Secured)
	if err != nil {
		v.err = err
		return v
	}
	var said struct{ Version string }
	if json.Unmarshal(body, &said) != nil || said.Version == "" {
		v.err = fmt.Errorf("it answers %s, and not as a master does", answer.Status)
		return v
	}
	v.version, v.trouble = said.Version, answer.Header.Get(web.ElectionHeader)
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		v.ahead = offset(before, now(), date)
	}
	if _, answer, err = get(ctx, at, "/redirect", c.Secured); err != nil {
		v.err = err
		return v
	}
	if to, err := url.Parse(answer.Header.Get("Location")); err == nil && answer.StatusCode == http.StatusTemporaryRedirect {
		v.leader = to.Host
	}
	return v
}

// offset is how far another clock is ahead, as far as that can be said: the answer was made between before and after, and
// its date is cut to the second.
func offset(before, after, date time.Time) time.Duration {
	switch {
	case date.After(after):
		return date.Sub(after)
	case date.Add(time.Second).Before(before):
		return date.Add(time.Second).Sub(before)
	}
	return 0
}

// The offsets of clocks that are warned of, and that spoil something: certificates and tokens, and what people read.
const (
	drift = 2 * time.Second
	apart = time.Minute
)

// judge says what the answers of the masters mean together.
func judge(answers []visited) (found []Finding) {
	leaders, versions := map[string]bool{}, map[string]bool{}
	reached := 0
	for _, v := range answers {
		name := "master " + v.at
		if v.err != nil {
			found = append(found, fail(name, "start it, or correct --master; journalctl -u meseta-master says why it ended", "%v", v.err))
			continue
		}
		reached++
		versions[v.version] = true
		if v.leader != "" {
			leaders[v.leader] = true
		}
		said := "nobody leads, it says"
		if v.leader != "" {
			said = v.leader + " leads, it says"
		}
		found = append(found, ok(name, "speaks Mesos %s; %s", v.version, said), clock("clock of "+v.at, v.ahead))
		if v.trouble != "" {
			found = append(found, fail("election of "+v.at, "look at Consul, and at the network between", "%s", v.trouble))
		}
	}
	found = append(found, between(answers)...)
	switch {
	case reached == 0:
	case len(leaders) == 0:
		found = append(found, fail("leader", "look at Consul, or at the only master's log", "nobody leads"))
	case len(leaders) > 1:
		found = append(found, fail("leader", "ask again in a moment, in case one was just elected; else they belong to different clusters", "masters name different leaders: %s", listed(leaders)))
	default:
		found = append(found, ok("leader", "%s", listed(leaders)))
	}
	switch {
	case reached == 1 && len(answers) == 1:
		found = append(found, ok("quorum", "one master was asked; where there are more, name all of them to have them compared"))
	case reached == 1:
		found = append(found, fail("quorum", "start the others", "one of %d masters is there: no other would follow it", len(answers)))
	case reached > 1:
		found = append(found, ok("quorum", "%d of %d masters are there: one leads, the others wait", reached, len(answers)))
	}
	if len(versions) > 1 {
		found = append(found, warn("versions", "finish the upgrade", "masters speak different versions: %s", listed(versions)))
	}
	return found
}

func clock(name string, ahead time.Duration) Finding {
	remedy := "set it: NTP, systemctl status systemd-timesyncd"
	text := "agrees with ours"
	if ahead > 0 {
		text = fmt.Sprintf("at least %v ahead of ours", ahead.Round(time.Millisecond))
	} else if ahead < 0 {
		text = fmt.Sprintf("at least %v behind ours", -ahead.Round(time.Millisecond))
	}
	switch {
	case ahead.Abs() > apart:
		return Finding{name, Fail, text, remedy}
	case ahead.Abs() > drift:
		return Finding{name, Warn, text, remedy}
	}
	return Finding{Check: name, Level: OK, Text: text}
}

// between compares the masters' clocks with each other.
func between(answers []visited) []Finding {
	answers = slices.DeleteFunc(slices.Clone(answers), func(v visited) bool { return v.err != nil })
	if len(answers) < 2 {
		return nil
	}
	least := slices.MinFunc(answers, func(a, b visited) int { return int(a.ahead - b.ahead) })
	most := slices.MaxFunc(answers, func(a, b visited) int { return int(a.ahead - b.ahead) })
	if by := most.ahead - least.ahead; by > drift {
		return []Finding{warn("clocks", "set them: NTP, systemctl status systemd-timesyncd", "%s is %v ahead of %s", most.at, by.Round(time.Millisecond), least.at)}
	}
	return []Finding{ok("clocks", "the masters' agree")}
}

func listed(set map[string]bool) string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// agents asks the leader.
func (c Cluster) agents(ctx context.Context) []Finding {
	r, err := c.Ask(ctx, &masterpb.Call{Type: masterpb.Call_GET_AGENTS.Enum()})
	if err != nil {
		return []Finding{fail("agents", "the leader has to be reached; --credential and --tls_ca say who asks", "they are not known: %v", err)}
	}
	return roll(r.GetGetAgents())
}

// roll says what the leader's list of agents means.
func roll(list *masterpb.Response_GetAgents) (found []Finding) {
	versions, active, idle := map[string]bool{}, 0, []string{}
	for _, a := range list.GetAgents() {
		versions[a.GetVersion()] = true
		switch {
		case a.GetActive():
			active++
		case a.GetDrainInfo() == nil && !a.GetDeactivated():
			idle = append(idle, a.GetAgentInfo().GetHostname())
		}
	}
	switch all := len(list.GetAgents()); {
	case all == 0:
		found = append(found, warn("agents", "start some: meseta agent --master=…", "there are none"))
	case len(idle) > 0:
		found = append(found, warn("agents", "look at them: meseta agents; journalctl -u meseta-agent there", "%d of %d are at work; away: %s", active, all, strings.Join(some(idle), ", ")))
	case active == all:
		found = append(found, ok("agents", "%d of %d are at work", active, all))
	default:
		found = append(found, ok("agents", "%d of %d are at work, the others as an operator wants", active, all))
	}
	if missing := len(list.GetRecoveredAgents()); missing > 0 {
		found = append(found, warn("agents", "start them, or wait: after --agent_reregister_timeout they are unreachable", "%d that the registry knows have not come back since the master was elected", missing))
	}
	if len(versions) > 1 {
		found = append(found, warn("versions", "finish the upgrade: masters first, then agents", "agents speak different versions: %s", listed(versions)))
	}
	return found
}

// some are the first few of many.
func some(names []string) []string {
	slices.Sort(names)
	if len(names) > 5 {
		return append(slices.Clone(names[:5]), fmt.Sprintf("and %d more", len(names)-5))
	}
	return names
}
