// Package resources is the arithmetic of what machines have and frameworks want: cpus, memory, disks, ports, gpus and
// whatever else an operator names.
//
//   - [Resource] is one amount of one thing with everything that sets it apart: who reserved it, whom it is
//     allocated to, which disk it is on, which provider has it, whether it can be revoked or shared.
//   - [Resources] is a collection in which like things are added up. It is a value: operations return new ones and
//     never change what they were called on, so views and messages may share it freely.
//   - [Quantities] and [Limits] are amounts by name only, for quota and shares.
//
// Amounts are [Milli], thousandths in an int64, as Mesos reckons. Contains and Equal allocate nothing, because the
// master and the allocator ask them all day.
//
// Inside a Meseta process resources are always in the format that came with reservation refinement: a stack of
// reservations in Resource.reservations. FromProto reads both this and the older format (role and reservation);
// [Convert], [Upgrade] and [Downgrade] translate messages at the doors. The package knows nothing of offers, agents
// or authorisation.
//
// It reckons as Mesos does, with these differences, each to the safe side. Amounts are rounded when they come in and
// not with the first sum. Sets are sorted. Every disk that exists only as a whole must be there as often as it is
// asked for, where Mesos counts persistent volumes only. Numbers that no machine can have (infinite, more than an
// exabyte of megabytes) are refused, as are inverted ranges in text, and lists beyond the bounds that are named here.
package resources

import (
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/values"
)

// The kinds of value, so that most callers need not import their package.
type (
	Milli  = values.Milli
	Range  = values.Range
	Ranges = values.Ranges
	Set    = values.Set
)

// Round brings an amount to the nearest thousandth.
func Round(amount float64) Milli { return values.Round(amount) }

// Why a resource is refused. Each is a fault.ErrInvalid, or a fault.ErrConflict for ErrMissing; the text around it names
// the resource and the remedy.
var (
	ErrName        error = &reason{"bad resource name", fault.ErrInvalid}
	ErrValue       error = &reason{"bad resource value", fault.ErrInvalid}
	ErrDisk        error = &reason{"bad disk", fault.ErrInvalid}
	ErrReservation error = &reason{"bad reservation", fault.ErrInvalid}
	ErrShared      error = &reason{"bad sharing", fault.ErrInvalid}
	ErrFormat      error = &reason{"bad resource format", fault.ErrInvalid}
	ErrOperation   error = &reason{"bad operation", fault.ErrInvalid}
	ErrMissing     error = &reason{"resources are missing", fault.ErrConflict}
)

// reason is a named error of a class, whose text leaves the class out: there is enough to read without it.
type reason struct {
	text  string
	class error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.class }
