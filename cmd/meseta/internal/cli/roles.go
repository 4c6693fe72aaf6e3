package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

func (a *app) roles() *cobra.Command {
	return a.list(list{
		use: "roles", short: "list the roles, their weights, quotas and what they use",
		empty: "No framework has a role, and no role has a weight or a quota.",
		ask:   masterpb.Call_GET_ROLES,
		also:  masterpb.Call_GET_QUOTA,
		part:  func(r *masterpb.Response) proto.Message { return r.GetGetRoles() },
		rows:  roleRows,
	})
}

func roleRows(r *masterpb.Response, _ bool, _ time.Time) ([]string, [][]screen.Cell) {
	var rows [][]screen.Cell
	guaranteed, limited := map[string]string{}, map[string]string{}
	for _, q := range r.GetGetQuota().GetStatus().GetConfigs() {
		guaranteed[q.GetRole()], limited[q.GetRole()] = oneLine(limitLines(q.GetGuarantees())), oneLine(limitLines(q.GetLimits()))
	}
	for _, role := range r.GetGetRoles().GetRoles() {
		used := quantities(role.GetResources())
		gpus, _ := used.Scalar("gpus")
		rows = append(rows, []screen.Cell{
			{Text: role.GetName()}, {Text: number(role.GetWeight()), Right: true}, {Text: number(float64(len(role.GetFrameworks()))), Right: true},
			{Text: used.CPUs().String(), Right: true}, {Text: sizeOf(float64(used.Mem()) / 1000), Right: true},
			{Text: sizeOf(float64(used.Disk()) / 1000), Right: true}, {Text: gpus.String(), Right: true},
			{Text: orElse(guaranteed[role.GetName()], "-")}, {Text: orElse(limited[role.GetName()], "-")},
		})
	}
	return []string{"ROLE", "WEIGHT", "FRAMEWORKS", "CPUS", "MEMORY", "DISK", "GPUS", "GUARANTEED", "AT MOST"}, rows
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

func (a *app) offers() *cobra.Command {
	return a.list(list{
		use: "offers", short: "list the offers that frameworks have not answered",
		empty: "No offer is out: what is free waits for a framework that wants it, or every framework has answered.",
		ask:   masterpb.Call_GET_FRAMEWORKS,
		part:  offersOf,
		rows:  offerRows,
	})
}

// offersOf leaves of the frameworks those that have offers.
func offersOf(r *masterpb.Response) proto.Message {
	r.GetFrameworks.CompletedFrameworks = nil
	r.GetFrameworks.Frameworks = slices.DeleteFunc(r.GetGetFrameworks().GetFrameworks(), func(f *masterpb.Response_GetFrameworks_Framework) bool {
		return len(f.GetOffers()) == 0
	})
	return r.GetGetFrameworks()
}

func offerRows(r *masterpb.Response, _ bool, _ time.Time) ([]string, [][]screen.Cell) {
	var rows [][]screen.Cell
	for _, f := range r.GetGetFrameworks().GetFrameworks() {
		for _, o := range f.GetOffers() {
			has := quantities(o.GetResources())
			rows = append(rows, []screen.Cell{
				{Text: o.GetId().GetValue()}, {Text: f.GetFrameworkInfo().GetName()}, {Text: orElse(o.GetHostname(), o.GetAgentId().GetValue())},
				{Text: o.GetAllocationInfo().GetRole()}, {Text: has.CPUs().String(), Right: true},
				{Text: sizeOf(float64(has.Mem()) / 1000), Right: true}, {Text: sizeOf(float64(has.Disk()) / 1000), Right: true},
			})
		}
	}
	return []string{"OFFER", "FRAMEWORK", "AGENT", "ROLE", "CPUS", "MEMORY", "DISK"}, rows
}
