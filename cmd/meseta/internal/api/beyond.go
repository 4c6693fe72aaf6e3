package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
)

// Why asks why a framework is not offered more: for a demand such as "cpus:1;mem:128", or "" for the least that is offered,
// in one of its roles, or "" for each.
func (c *Client) Why(ctx context.Context, framework, role, demand string) ([]beyond.Explanation, error) {
	query := url.Values{"framework": {framework}}
	if role != "" {
		query.Set("role", role)
	}
	if demand != "" {
		query.Set("resources", demand)
	}
	var answer struct {
		Explanations []beyond.Explanation `json:"explanations"`
	}
	err := c.leader(ctx, func(address string) error {
		to := c.url(address, "/master/why")
		to.RawQuery = query.Encode()
		document, err := c.get(ctx, to, address)
		if err != nil {
			return err
		}
		return json.Unmarshal(document, &answer)
	})
	return answer.Explanations, err
}

// Usage asks an agent, by its pid, what its containers use: all of them, or for a task that of the task. history asks for the last
// hour too.
func (c *Client) Usage(ctx context.Context, agent, task string, history bool) (*beyond.UsageReport, error) {
	id, address, ok := strings.Cut(agent, "@")
	if !ok {
		return nil, fmt.Errorf("agent %q: not an address", agent)
	}
	to, query := c.url(address, "/"+id+"/usage"), url.Values{}
	if task != "" {
		query.Set("task_id", task)
	}
	if history {
		query.Set("history", "true")
	}
	to.RawQuery = query.Encode()
	document, err := c.get(ctx, to, address)
	if err != nil {
		return nil, err
	}
	r := &beyond.UsageReport{}
	return r, json.Unmarshal(document, r)
}

// Task asks how one task is. "" stands for one that the master does not remember.
func (c *Client) Task(ctx context.Context, framework, task string) (state string, err error) {
	var answer struct {
		Tasks []struct {
			State string `json:"state"`
		} `json:"tasks"`
	}
	err = c.leader(ctx, func(address string) error {
		to := c.url(address, "/master/tasks")
		to.RawQuery = url.Values{"framework_id": {framework}, "task_id": {task}}.Encode()
		document, err := c.get(ctx, to, address)
		if err != nil {
			return err
		}
		return json.Unmarshal(document, &answer)
	})
	if err != nil || len(answer.Tasks) == 0 {
		return "", err
	}
	return answer.Tasks[0].State, nil // the latest, should the framework have used the id before
}

// Kill ends a task. grace is what it may take at most, as in "10secs", or "" for what it was launched with.
func (c *Client) Kill(ctx context.Context, framework, task, grace string) error {
	form := url.Values{"frameworkId": {framework}, "taskId": {task}}
	if grace != "" {
		form.Set("gracePeriod", grace)
	}
	return c.leader(ctx, func(address string) error {
		answer, err := c.post(ctx, c.url(address, "/master/kill"), address, "application/x-www-form-urlencoded", []byte(form.Encode()), nil)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
}
