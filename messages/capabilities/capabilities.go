// Package capabilities reads what frameworks, agents and masters say they can deal with. They say it as lists of messages;
// whoever decides by them wants to ask "has it this one?", often, and gets a set that fits a word.
package capabilities

import (
	"math/bits"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Set is a set of capabilities of one kind. The zero Set is empty. Sets are compared with ==.
type Set[C ~int32] uint64

// The three kinds.
type (
	Framework = Set[mesospb.FrameworkInfo_Capability_Type]
	Agent     = Set[mesospb.AgentInfo_Capability_Type]
	Master    = Set[mesospb.MasterInfo_Capability_Type]
)

// Of is the set of the given capabilities. Numbers that this version does not know (0, for those that a reader did not
// know either, and from 64 on) are left out.
func Of[C ~int32](list ...C) Set[C] {
	var s Set[C]
	for _, c := range list {
		if c > 0 && c < 64 {
			s |= 1 << c
		}
	}
	return s
}

// OfFramework is the set that a FrameworkInfo lists.
func OfFramework(list []*mesospb.FrameworkInfo_Capability) Framework { return of(list) }

// OfAgent is the set that an agent sends when it registers.
func OfAgent(list []*mesospb.AgentInfo_Capability) Agent { return of(list) }

// OfMaster is the set that a MasterInfo lists.
func OfMaster(list []*mesospb.MasterInfo_Capability) Master { return of(list) }

func of[C ~int32, M interface{ GetType() C }](list []M) Set[C] {
	var s Set[C]
	for _, m := range list {
		s |= Of(m.GetType())
	}
	return s
}

// Has says whether c is in the set.
func (s Set[C]) Has(c C) bool { return Of(c) != 0 && s&Of(c) != 0 }

// All lists the set in the order of numbers.
func (s Set[C]) All() []C {
	list := make([]C, 0, bits.OnesCount64(uint64(s)))
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		list = append(list, C(bits.TrailingZeros64(rest)))
	}
	return list
}
