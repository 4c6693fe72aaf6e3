package posix_test

import (
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/posix"
)

func TestExam(t *testing.T) {
	for _, b := range posix.Builders() {
		t.Run(b.Names[0], func(t *testing.T) { exam.Take(t, exam.Case{Builder: b}) })
	}
}

func TestOneNameForBoth(t *testing.T) {
	chain, err := isolators.Build(posix.Builders(), []string{"process"}, isolators.Settings{})
	if err != nil || len(chain) != 2 || chain[0].Name() != "posix/cpu" || chain[1].Name() != "posix/mem" {
		t.Errorf("%v, %v", chain, err)
	}
}
