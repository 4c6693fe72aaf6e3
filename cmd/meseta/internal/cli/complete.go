package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionPatience is how long a person who pressed Tab waits for the cluster.
const completionPatience = time.Second

// completes lets the shell complete the first argument from the live cluster.
func (a *app) completes(c *cobra.Command, ids func(*snapshot) []string) {
	c.ValidArgsFunction = func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return a.candidates(c, ids, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completesFlag lets the shell complete the value of a flag from the live cluster.
func (a *app) completesFlag(c *cobra.Command, flag string, ids func(*snapshot) []string) {
	suggest(c, flag, func(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return a.candidates(c, ids, begun), cobra.ShellCompDirectiveNoFileComp
	})
}

// completesFixed lets it complete one of a few words.
func completesFixed(c *cobra.Command, flag string, words ...string) {
	suggest(c, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func suggest(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the command has no such flag, which is a mistake in the program
	}
}

// candidates are the ids that begin as typed. A cluster that does not answer has none.
func (a *app) candidates(c *cobra.Command, ids func(*snapshot) []string, begun string) (found []string) {
	r := asks().reach
	if err := fill(c); err != nil {
		return nil
	}
	for flag, into := range map[string]*string{"master": &r.Master, "credential": &r.Credential} {
		if f := c.Flags().Lookup(flag); f != nil {
			*into = f.Value.String()
		}
	}
	cluster, err := r.client()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(a.ctx, completionPatience)
	defer cancel()
	s, err := snap(ctx, cluster)
	if err != nil {
		return nil
	}
	for _, id := range ids(s) {
		if strings.HasPrefix(id, begun) {
			found = append(found, id)
		}
	}
	return found
}

// taskIDs are those of all tasks, with a word about each.
func taskIDs(s *snapshot) (ids []string) {
	for _, t := range s.allTasks() {
		ids = append(ids, cobra.CompletionWithDesc(t.GetTaskId().GetValue(), stateName(t.GetState())+" on "+s.host(t.GetAgentId())))
	}
	return ids
}

// liveTaskIDs are those of tasks that run.
func liveTaskIDs(s *snapshot) (ids []string) {
	for _, t := range s.GetGetTasks().GetTasks() {
		ids = append(ids, cobra.CompletionWithDesc(t.GetTaskId().GetValue(), stateName(t.GetState())+" on "+s.host(t.GetAgentId())))
	}
	return ids
}

func frameworkIDs(s *snapshot) (ids []string) {
	for _, f := range s.GetGetFrameworks().GetFrameworks() {
		ids = append(ids, cobra.CompletionWithDesc(f.GetFrameworkInfo().GetId().GetValue(), f.GetFrameworkInfo().GetName()))
	}
	return ids
}

func agentIDs(s *snapshot) (ids []string) {
	for _, agent := range s.GetGetAgents().GetAgents() {
		ids = append(ids, cobra.CompletionWithDesc(agent.GetAgentInfo().GetId().GetValue(), agent.GetAgentInfo().GetHostname()))
	}
	return ids
}

// anyIDs are the ids of whatever can be described.
func anyIDs(s *snapshot) []string {
	return append(append(liveTaskIDs(s), frameworkIDs(s)...), agentIDs(s)...)
}
