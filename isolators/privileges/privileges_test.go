package privileges_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/privileges"
)

func TestExam(t *testing.T) {
	check := func(t *testing.T, x *exam.Box) {
		if !strings.Contains(x.Proc(t, "status"), "NoNewPrivs:\t1\n") {
			t.Error(x.Proc(t, "status"))
		}
	}
	exam.Take(t, exam.Case{Builder: privileges.Builder, Running: check, NestedRunning: check})
}
