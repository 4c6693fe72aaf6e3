// Package executor is the door for executors that speak HTTP: Mesos' v1 executor API of an agent.
//
// For each SUBSCRIBE a small actor stands in for the executor. It gets the messages that native executors get, and its
// end is the executor's disconnection, so the agent sees hardly a difference. Every other call goes to the agent as it
// is: executors are told apart by what they say of themselves and by their token, and not by their stream.
package executor
