//go:build race

package main_test

// Whoever looks for races in the tests wants them found in the programs that they start.
func init() { buildFlags = append(buildFlags, "-race") }
