package api

import (
	"context"
	"encoding/json"
	"net/url"

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
