package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func (s *snapshot) taskFinding(t *mesospb.Task) *finding {
	return &finding{t, func(a *app, s *snapshot, now time.Time) error { return a.showTask(s, t, now) }}
}

func (a *app) showTask(s *snapshot, t *mesospb.Task, now time.Time) error {
	executor := t.GetExecutorId().GetValue()
	if executor == "" {
		executor = "the command executor"
	}
	where := ""
	if pid, at, err := s.sandbox(t); err == nil {
		where = at + " on " + afterAt(pid)
	}
	err := a.out.Fields([]screen.Field{
		{Name: "Task", Value: t.GetTaskId().GetValue(), Style: screen.Bold},
		{Name: "Name", Value: t.GetName()},
		{Name: "State", Value: stateName(t.GetState()), Style: stateStyle(t.GetState())},
		{Name: "Framework", Value: s.framework(t.GetFrameworkId()) + " (" + t.GetFrameworkId().GetValue() + ")"},
		{Name: "Agent", Value: s.host(t.GetAgentId()) + " (" + t.GetAgentId().GetValue() + ")"},
		{Name: "Executor", Value: executor},
		{Name: "User", Value: t.GetUser()},
		{Name: "Resources", Value: resourceLines(t.GetResources())},
		{Name: "Limits", Value: limitLines(t.GetLimits())},
		{Name: "Labels", Value: labelLines(t.GetLabels())},
		{Name: "Ports", Value: portLines(t.GetDiscovery().GetPorts().GetPorts())},
		{Name: "Container", Value: containerText(t)},
		{Name: "Sandbox", Value: where},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	if err := a.out.Table([]string{"WHEN", "STATE", "SOURCE", "REASON", "MESSAGE"}, historyRows(t, now)); err != nil {
		return err
	}
	return a.showNumbers(t)
}

// showNumbers are those that came with a status, such as how memory was used when it ran out.
func (a *app) showNumbers(t *mesospb.Task) error {
	for _, st := range t.GetStatuses() {
		_, more := headline(st)
		if more == "" {
			continue
		}
		fmt.Fprintln(a.out)
		for line := range strings.Lines(more) {
			if _, err := fmt.Fprintln(a.out, screen.Clean(strings.TrimRight(line, "\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}

// containerText is the container that a task's last status names, and the addresses that it has.
func containerText(t *mesospb.Task) string {
	for _, st := range slices.Backward(t.GetStatuses()) {
		container := st.GetContainerStatus()
		if container == nil {
			continue
		}
		text := container.GetContainerId().GetValue()
		for up := container.GetContainerId().GetParent(); up != nil; up = up.GetParent() {
			text = up.GetValue() + "." + text
		}
		var addresses []string
		for _, network := range container.GetNetworkInfos() {
			for _, ip := range network.GetIpAddresses() {
				addresses = append(addresses, ip.GetIpAddress())
			}
		}
		if len(addresses) > 0 {
			text += " at " + strings.Join(addresses, ", ")
		}
		return text
	}
	return ""
}

func portLines(ports []*mesospb.Port) string {
	var lines []string
	for _, p := range ports {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d %s %s", p.GetNumber(), p.GetProtocol(), p.GetName())))
	}
	return strings.Join(lines, "\n")
}

// limitLines are amounts by name, one below the other.
func limitLines(limits map[string]*mesospb.Value_Scalar) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		lines = append(lines, name+":"+number(limits[name].GetValue()))
	}
	return strings.Join(lines, "\n")
}

// historyRows are the states that a task went through.
func historyRows(t *mesospb.Task, now time.Time) (rows [][]screen.Cell) {
	for _, st := range t.GetStatuses() {
		sentence, _ := headline(st)
		reason := ""
		if st.Reason != nil {
			reason = strings.ToLower(strings.TrimPrefix(st.GetReason().String(), "REASON_"))
		}
		health := ""
		if st.Healthy != nil {
			health = map[bool]string{true: " (healthy)", false: " (unhealthy)"}[st.GetHealthy()]
		}
		rows = append(rows, []screen.Cell{
			{Text: moment(unixTime(st.GetTimestamp()), now)},
			{Text: stateName(st.GetState()) + health, Style: stateStyle(st.GetState())},
			{Text: strings.ToLower(strings.TrimPrefix(st.GetSource().String(), "SOURCE_"))},
			{Text: reason}, {Text: sentence},
		})
	}
	return rows
}

// moment writes a time: the hour for today, else the day too.
func moment(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05.000")
	}
	return at.Format(time.DateTime)
}
