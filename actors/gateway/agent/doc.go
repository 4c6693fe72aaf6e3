// Package agent is the door for operators of an agent: its v1 operator API, and the endpoints from before there was one.
//
// Everything is read from the agent's published view, so however much is asked the agent goes on deciding; only the
// containers' statistics are measured when somebody wants them.
package agent
