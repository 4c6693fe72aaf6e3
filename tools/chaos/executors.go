package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Runner is an executor that runs: where its sandbox is says whose it is.
type Runner struct {
	Pid                        int
	Agent, Framework, Executor string
}

// runners are the executors that work below the work directory of an agent, in order of their sandboxes. Of the
// processes of a sandbox the executor is the one whose parent is not there.
func runners(workDir string) (found []Runner) {
	boxes := map[string][]int{}
	for _, pid := range below(workDir) {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		if err == nil {
			boxes[at] = append(boxes[at], pid)
		}
	}
	for box, pids := range boxes {
		r, ok := sandbox(strings.TrimPrefix(box, workDir))
		if !ok {
			continue
		}
		for _, pid := range pids {
			if !slices.Contains(pids, parent(pid)) {
				r.Pid = pid
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b Runner) int {
		return strings.Compare(a.Agent+a.Framework+a.Executor, b.Agent+b.Framework+b.Executor)
	})
	return found
}

// sandbox reads /slaves/S/frameworks/F/executors/E/runs/C.
func sandbox(path string) (r Runner, ok bool) {
	p := strings.Split(strings.Trim(filepath.ToSlash(path), "/"), "/")
	if len(p) < 8 || p[0] != "slaves" || p[2] != "frameworks" || p[4] != "executors" || p[6] != "runs" {
		return r, false
	}
	return Runner{Agent: p[1], Framework: p[3], Executor: p[5]}, true
}

func parent(pid int) (ppid int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var state string
	_, _ = fmt.Sscan(rest, &state, &ppid)
	return ppid
}
