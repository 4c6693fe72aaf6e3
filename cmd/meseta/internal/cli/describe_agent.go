package cli

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func (a *app) showAgent(s *snapshot, agent *masterpb.Response_GetAgents_Agent, now time.Time) error {
	info := agent.GetAgentInfo()
	id := info.GetId().GetValue()
	state, style := agentState(agent)
	var attributes []string
	for _, at := range info.GetAttributes() {
		attributes = append(attributes, attributeText(at))
	}
	if err := a.out.Fields([]screen.Field{
		{Name: "Agent", Value: id, Style: screen.Bold},
		{Name: "Host", Value: info.GetHostname()},
		{Name: "Address", Value: afterAt(agent.GetPid())},
		{Name: "State", Value: state, Style: style},
		{Name: "Version", Value: agent.GetVersion()},
		{Name: "Registered", Value: since(agent.GetRegisteredTime(), now) + " ago"},
		{Name: "Draining", Value: drainText(agent, now), Style: screen.Yellow},
		{Name: "Unavailable", Value: s.unavailable(info.GetHostname(), afterAt(agent.GetPid()), now), Style: screen.Yellow},
		{Name: "Attributes", Value: strings.Join(attributes, "\n")},
		{Name: "Has", Value: resourceLines(agent.GetTotalResources())},
		{Name: "Used", Value: resourceLines(agent.GetAllocatedResources())},
		{Name: "Offered", Value: resourceLines(agent.GetOfferedResources())},
	}); err != nil {
		return err
	}
	return a.showTasks(s, now, func(t *mesospb.Task) bool { return t.GetAgentId().GetValue() == id })
}

// drainText says how an agent is drained.
func drainText(agent *masterpb.Response_GetAgents_Agent, now time.Time) string {
	drain := agent.GetDrainInfo()
	if drain == nil {
		return ""
	}
	text := strings.ToLower(drain.GetState().String())
	if at := agent.GetEstimatedDrainStartTime(); at != nil {
		text += ", began " + since(at, now) + " ago"
	}
	if grace := drain.GetConfig().GetMaxGracePeriod(); grace != nil {
		text += ", tasks may take " + took(time.Duration(grace.GetNanoseconds())) + " to end"
	}
	if drain.GetConfig().GetMarkGone() {
		text += ", gone for good afterwards"
	}
	return text
}

// unavailable is when the maintenance of an agent's machine begins, and how long it takes.
func (s *snapshot) unavailable(host, address string, now time.Time) string {
	ip, _, _ := net.SplitHostPort(address)
	var lines []string
	for _, w := range s.windows {
		if !slices.ContainsFunc(w.GetMachineIds(), func(m *mesospb.MachineID) bool {
			return (m.GetHostname() == "" || m.GetHostname() == host) && (m.GetIp() == "" || m.GetIp() == ip)
		}) {
			continue
		}
		text := "from " + moment(time.Unix(0, w.GetUnavailability().GetStart().GetNanoseconds()), now)
		if d := w.GetUnavailability().GetDuration(); d != nil {
			text += " for " + took(time.Duration(d.GetNanoseconds()))
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func attributeText(at *mesospb.Attribute) string {
	switch at.GetType() {
	case mesospb.Value_SCALAR:
		return at.GetName() + ": " + number(at.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		return at.GetName() + ": " + rangesText(at.GetRanges())
	case mesospb.Value_SET:
		return at.GetName() + ": {" + strings.Join(at.GetSet().GetItem(), ", ") + "}"
	}
	return at.GetName() + ": " + at.GetText().GetValue()
}

func rangesText(r *mesospb.Value_Ranges) string {
	var parts []string
	for _, one := range r.GetRange() {
		parts = append(parts, fmt.Sprintf("%d-%d", one.GetBegin(), one.GetEnd()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
