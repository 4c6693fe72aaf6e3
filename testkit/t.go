package testkit

import (
	"fmt"
	"os"
	"strings"
)

// T is what a World needs of a test. *testing.T and testing.TB are fine, and so is Alone.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	FailNow()
	Failed() bool
	Cleanup(func())
}

// Alone is a T for examples and programs: a failure panics.
func Alone() T { return &alone{} }

type alone struct{ failed bool }

func (*alone) Helper()                         {}
func (*alone) Name() string                    { return "Alone" }
func (*alone) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (a *alone) Failed() bool                  { return a.failed }
func (*alone) Cleanup(func())                  {}
func (a *alone) FailNow()                      { a.Fatalf("failed") }
func (a *alone) Errorf(f string, args ...any)  { a.Fatalf(f, args...) }
func (a *alone) Fatalf(format string, args ...any) {
	a.failed = true
	panic(fmt.Sprintf(format, args...))
}

// attempt is one run of a body that may be run again: it keeps the failure instead of ending the test.
type attempt struct {
	name     string
	failed   bool
	text     strings.Builder
	cleanups []func()
}

// over ends an attempt.
type over struct{}

func (*attempt) Helper()            {}
func (a *attempt) Name() string     { return a.name }
func (a *attempt) Failed() bool     { return a.failed }
func (a *attempt) Cleanup(f func()) { a.cleanups = append(a.cleanups, f) }

func (a *attempt) Logf(format string, args ...any) {
	fmt.Fprintf(&a.text, format+"\n", args...)
}

func (a *attempt) Errorf(format string, args ...any) {
	a.failed = true
	a.Logf(format, args...)
}

func (a *attempt) FailNow() {
	a.failed = true
	panic(over{})
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	panic(over{})
}
