package main

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

var whole = Shape{Masters: 3, Agents: 6, Frameworks: 4, Consuls: 3}

// A seed says everything: what is done, to whom, and when.
func TestThePlanOfASeedIsAlwaysTheSame(t *testing.T) {
	plan := Plan(7, 10*time.Minute, whole)
	if !reflect.DeepEqual(plan, Plan(7, 10*time.Minute, whole)) {
		t.Error("the same seed gave two plans")
	}
	if reflect.DeepEqual(plan, Plan(8, 10*time.Minute, whole)) {
		t.Error("two seeds gave the same plan")
	}
}

// Ten minutes have every kind of fault, in order, and all of them end before the storm does.
func TestAPlanHasEveryKindOfFault(t *testing.T) {
	for seed := range uint64(50) {
		plan := Plan(seed, 10*time.Minute, whole)
		kinds, last := map[Kind]int{}, time.Duration(0)
		for _, f := range plan {
			kinds[f.Kind]++
			if f.At < last || f.At+f.For >= 10*time.Minute || f.Target == "" {
				t.Errorf("seed %d: %v at %v", seed, f, f.At)
			}
			last = f.At
		}
		for _, k := range []Kind{Kill, Term, Freeze, Cut, Reset, Slow, Gone} {
			if kinds[k] == 0 {
				t.Errorf("seed %d: no %s among %d faults", seed, k, len(plan))
			}
		}
	}
}

// What is not there is not hurt.
func TestAPlanWithoutConsulAndFrameworks(t *testing.T) {
	plan := Plan(1, time.Minute, Shape{Masters: 1, Agents: 1})
	for _, f := range plan {
		if !slices.Contains([]string{"master1", "agent1", "executor1"}, f.Target) || !slices.Contains([]string{"", "master1", "agent1", "executor"}, f.Other) {
			t.Error(f)
		}
	}
	if len(plan) == 0 {
		t.Error("nothing happens")
	}
}

// A process that is down is not killed again before it is back.
func TestAPlanLetsTheFallenGetUp(t *testing.T) {
	for seed := range uint64(50) {
		until := map[string]time.Duration{}
		for _, f := range Plan(seed, 10*time.Minute, whole) {
			if f.Kind != Kill && f.Kind != Term && f.Kind != Freeze || f.Target[:2] == "ex" {
				continue
			}
			if f.At < until[f.Target] {
				t.Errorf("seed %d: %v at %v, but it is down until %v", seed, f, f.At, until[f.Target])
			}
			until[f.Target] = f.At + f.For
		}
	}
}
