package linux

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators/exam"
)

// everything is what root's agent uses by itself.
var everything = append(append([]string(nil), isolation...), "ebpf/accounting")

// counts are what could be left behind, by kind.
func (h *house) counts() map[string]int {
	descriptors, _ := os.ReadDir("/proc/self/fd")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	below := 0
	_ = filepath.WalkDir(h.settings.RuntimeDir, func(string, os.DirEntry, error) error { below++; return nil })
	processes := 0
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range environs {
		env, _ := os.ReadFile(name)
		if strings.Contains(string(env), containerizer.CookieVariable+"=storm-") {
			processes++
		}
	}
	return map[string]int{"descriptors": len(descriptors), "mounts": strings.Count(string(mounts), h.dir), "files": below,
		"control groups": len(exam.Groups(h.settings.CgroupsRoot)), "processes": processes, "goroutines": runtime.NumGoroutine()}
}

// A storm of launches, of which some are killed from outside, some end by themselves and some are destroyed while they are young,
// leaves nothing behind. With -short it is a breeze.
func TestStorm(t *testing.T) {
	exam.Skip(t, exam.Root)
	n := 1000
	if testing.Short() || os.Getenv("MESETA_STORM") == "" {
		n = 100
	}
	h := newHouse(t, everything...)
	l := h.launcher()
	warm := h.launch(l, h.sh("storm-warm", "true")) // what is made once is there before anything is counted
	h.destroy(l, warm)
	before := h.counts()
	var wait sync.WaitGroup
	ids := make(chan int)
	for worker := range 16 {
		random := rand.New(rand.NewPCG(7, uint64(worker)))
		wait.Go(func() {
			for i := range ids {
				if err := h.gust(l, i, random); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	wait.Wait()
	exam.Eventually(t, "everything is as before", func() bool {
		now := h.counts()
		for what, had := range before {
			if now[what] > had {
				return false
			}
		}
		return true
	})
	h.empty()
	t.Logf("%d containers: before %v, after %v", n, before, h.counts())
}

// gust is one container with a hard life.
func (h *house) gust(l *Launcher, i int, random *rand.Rand) error {
	id := fmt.Sprintf("storm-%d", i)
	spec := scriptIn(h.dir, id, []string{"true", "sleep 600", "(setsid sleep 600 &); sleep 600 & wait", "exit 3"}[random.IntN(4)])
	if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
		return err
	}
	p, err := l.Launch(background, spec)
	if err != nil {
		return err
	}
	switch random.IntN(3) {
	case 0:
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	case 1:
		if members, err := l.keeper.Processes(l.known(id).Container); err == nil && len(members) > 0 {
			_ = syscall.Kill(members[random.IntN(len(members))], syscall.SIGKILL)
		}
	}
	ended := make(chan error, 1)
	l.Destroy(p, func(err error) { ended <- err })
	return <-ended
}

// A thousand containers that are alive at once, each launched, measured with all the others, and destroyed.
func BenchmarkContainers(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("missing here: root")
	}
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	h := &house{dir: dir, settings: settingsIn(dir, everything)}
	for _, d := range []string{h.settings.WorkDir, h.settings.RuntimeDir} {
		if err := os.Mkdir(d, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	l, err := newLauncher(h.settings, everything)
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var all []containerizer.Process
	crowd := b.N * 1000
	b.ResetTimer()
	together(crowd, func(i int) {
		spec := scriptIn(dir, fmt.Sprintf("storm-%d", i), "sleep 600")
		spec.Path, spec.Argv, spec.Reaps = "/bin/sleep", []string{"sleep", "600"}, true
		if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
			b.Error(err)
		}
		p, err := l.Launch(background, spec)
		if err != nil {
			b.Error(err)
			return
		}
		mu.Lock()
		all = append(all, p)
		mu.Unlock()
	})
	launched := b.Elapsed()
	b.ReportMetric(float64(crowd)/launched.Seconds(), "launched/s")
	first, err := l.Usage(background, all)
	if err != nil {
		b.Error(err)
	}
	measured := b.Elapsed() - launched
	for _, s := range first {
		if s.CpusUserTimeSecs == nil || s.MemRssBytes == nil {
			b.Errorf("measured %v", s)
		}
	}
	b.ReportMetric(float64(measured.Microseconds())/1000, "ms/measure-all")
	together(len(all), func(i int) {
		ended := make(chan error, 1)
		l.Destroy(all[i], func(err error) { ended <- err })
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(crowd)/(b.Elapsed()-launched-measured).Seconds(), "destroyed/s")
	b.ReportMetric(float64(crowd)/(b.Elapsed()-measured).Seconds(), "launched+destroyed/s")
	b.StopTimer()
	h.leave(b)
}

func (h *house) leave(b *testing.B) {
	groups := exam.Groups(h.settings.CgroupsRoot)
	for n := len(groups) - 1; n >= 0; n-- {
		if err := os.Remove(groups[n]); err != nil {
			b.Error(err)
		}
	}
	unmountBelow(b, h.dir)
}

func together(n int, do func(i int)) {
	var wait sync.WaitGroup
	work := make(chan int)
	for range 8 {
		wait.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wait.Wait()
}

// unmountBelow takes away what an agent keeps mounted for the one after it.
func unmountBelow(t testing.TB, dir string) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if at := strings.Fields(line); len(at) > 4 && strings.HasPrefix(at[4], dir+"/") {
			if err := syscall.Unmount(at[4], syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	}
}
