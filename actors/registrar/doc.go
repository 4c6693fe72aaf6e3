// Package registrar turns the master's decisions into durable facts. The master hands it operations; it
// performs them on its copy of the registry, writes all that wait in one batch, and answers when they are
// durable. So the master can persist before it speaks without waiting for one disk write for each agent.
//
// It decides nothing about agents or time, and knows the store only as a cluster.Registry.
package registrar
