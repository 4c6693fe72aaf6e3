package isolators_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// one is an isolator that writes down what it is asked, and fails at what it is told to.
type one struct {
	isolators.Nothing
	name    string
	diary   *[]string
	fails   string // a call
	limited func(isolators.Limitation)
}

func (o *one) Name() string { return o.name }

func (o *one) did(what string) error {
	*o.diary = append(*o.diary, o.name+" "+what)
	if o.fails == what {
		return fmt.Errorf("no %s today", what)
	}
	return nil
}

func (o *one) Prepare(context.Context, *isolators.Container, *isolators.Plan) error {
	return o.did("prepare")
}
func (o *one) Isolate(context.Context, *isolators.Container) error { return o.did("isolate") }
func (o *one) Watch(_ *isolators.Container, limited func(isolators.Limitation)) {
	o.limited = limited
	_ = o.did("watch")
}
func (o *one) Update(context.Context, *isolators.Container) error { return o.did("update") }
func (o *one) Usage(_ context.Context, _ []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	for _, s := range into {
		n := s.GetProcesses() + 1
		s.Processes = &n
	}
	return o.did("usage")
}
func (o *one) Status(context.Context, *isolators.Container, *mesospb.ContainerStatus) error {
	return o.did("status")
}
func (o *one) Cleanup(context.Context, *isolators.Container) error   { return o.did("cleanup") }
func (o *one) Recover(context.Context, []*isolators.Container) error { return o.did("recover") }

// three is a chain a, b, c of which b fails at a call.
func three(fails string) (isolators.Chain, *[]string) {
	diary := &[]string{}
	return isolators.Chain{&one{name: "a", diary: diary}, &one{name: "b", diary: diary, fails: fails}, &one{name: "c", diary: diary}}, diary
}

func TestChain(t *testing.T) {
	ctx, c := context.Background(), &isolators.Container{ID: "box"}
	calls := map[string]func(isolators.Chain) error{
		"prepare": func(ch isolators.Chain) error { return ch.Prepare(ctx, c, &isolators.Plan{}) },
		"isolate": func(ch isolators.Chain) error { return ch.Isolate(ctx, c) },
		"watch":   func(ch isolators.Chain) error { ch.Watch(c, func(isolators.Limitation) {}); return nil },
		"update":  func(ch isolators.Chain) error { return ch.Update(ctx, c) },
		"usage":   func(ch isolators.Chain) error { return ch.Usage(ctx, []*isolators.Container{c}, nil) },
		"status":  func(ch isolators.Chain) error { return ch.Status(ctx, c, &mesospb.ContainerStatus{}) },
		"cleanup": func(ch isolators.Chain) error { return ch.Cleanup(ctx, c) },
		"recover": func(ch isolators.Chain) error { return ch.Recover(ctx, nil) },
	}
	for _, x := range []struct {
		what    string
		failing string // who is asked when b fails
	}{
		{"prepare", "a b"}, {"isolate", "a b"}, {"recover", "a b"}, // the first that cannot ends it
		{"update", "a b c"}, {"usage", "a b c"}, {"status", "a b c"}, // the others go on
		{"cleanup", "c b a"}, {"watch", "a b c"},
	} {
		order := "a b c"
		if x.what == "cleanup" {
			order = "c b a"
		}
		t.Run(x.what, func(t *testing.T) {
			ch, diary := three("")
			if err := calls[x.what](ch); err != nil {
				t.Error(err)
			}
			expect(t, *diary, order, x.what)
		})
		t.Run(x.what+" that fails", func(t *testing.T) {
			ch, diary := three(x.what)
			err := calls[x.what](ch)
			expect(t, *diary, x.failing, x.what)
			if x.what == "watch" {
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "b: ") || !strings.HasSuffix(err.Error(), "no "+x.what+" today") {
				t.Errorf("the error does not say who and why: %v", err)
			}
		})
	}
}

func expect(t *testing.T, diary []string, names, what string) {
	t.Helper()
	var want []string
	for n := range strings.FieldsSeq(names) {
		want = append(want, n+" "+what)
	}
	if !slices.Equal(diary, want) {
		t.Errorf("got %q, want %q", diary, want)
	}
}

func TestChainJoinsErrors(t *testing.T) {
	diary := &[]string{}
	ch := isolators.Chain{&one{name: "a", diary: diary, fails: "cleanup"}, &one{name: "b", diary: diary, fails: "cleanup"}}
	err := ch.Cleanup(context.Background(), &isolators.Container{ID: "box"})
	if err == nil || !strings.Contains(err.Error(), "a: clean up after container box") || !strings.Contains(err.Error(), "b: clean up after container box") {
		t.Errorf("not both are named: %v", err)
	}
}

func TestChainStopsWhenNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ch, diary := three("")
	if err := ch.Prepare(ctx, &isolators.Container{ID: "box"}, &isolators.Plan{}); !errors.Is(err, context.Canceled) {
		t.Errorf("prepared for nobody: %v", err)
	}
	expect(t, *diary, "", "prepare")
}

func TestChainTellsOneLimitation(t *testing.T) {
	ch, _ := three("")
	var told []string
	ch.Watch(&isolators.Container{ID: "box"}, func(l isolators.Limitation) { told = append(told, l.Message) })
	for n, i := range ch {
		i.(*one).limited(isolators.Limitation{Message: fmt.Sprint("limit ", n)})
	}
	if !slices.Equal(told, []string{"limit 0"}) {
		t.Errorf("told %q", told)
	}
}

func TestUsageAddsUp(t *testing.T) {
	ch, _ := three("usage")
	of := []*isolators.Container{{ID: "x"}, {ID: "y"}}
	into := []*mesospb.ResourceStatistics{{}, {}}
	if err := ch.Usage(context.Background(), of, into); err == nil {
		t.Error("nobody hears that numbers are missing")
	}
	for n, s := range into {
		if s.GetProcesses() != 3 {
			t.Errorf("container %d has the numbers of %d isolators", n, s.GetProcesses())
		}
	}
}

func builders() []isolators.Builder {
	make := func(name string, err error) func(isolators.Settings) (isolators.Isolator, error) {
		return func(isolators.Settings) (isolators.Isolator, error) {
			if err != nil {
				return nil, err
			}
			return &one{name: name, diary: &[]string{}}, nil
		}
	}
	lacking := fmt.Errorf("the kernel has no mouse trap; load it with modprobe mousetrap: %w", fault.ErrInvalid)
	return []isolators.Builder{
		{Names: []string{"cgroups/cpu", "cgroups/all", "cgroups"}, New: make("cgroups/cpu", nil)},
		{Names: []string{"cgroups/mem", "cgroups/all", "cgroups"}, New: make("cgroups/mem", nil)},
		{Names: []string{"mouse/trap"}, New: make("", lacking)},
		{Names: []string{"ever"}, Always: true, New: make("ever", nil)},
		{Names: []string{"ever/trap"}, Always: true, New: make("", lacking)},
	}
}

func TestBuild(t *testing.T) {
	for _, x := range []struct{ shows, names, want string }{
		{"nothing but what is always there", "", "ever"},
		{"the order is the builders'", "cgroups/mem,cgroups/cpu", "cgroups/cpu cgroups/mem ever"},
		{"one name may stand for several", "cgroups", "cgroups/cpu cgroups/mem ever"},
		{"named twice is named once", "cgroups/mem, cgroups/mem ,cgroups/all", "cgroups/cpu cgroups/mem ever"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			chain, err := isolators.Build(builders(), strings.Split(x.names, ","), isolators.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range chain {
				got = append(got, i.Name())
			}
			if !slices.Equal(got, strings.Fields(x.want)) {
				t.Errorf("%s became %q", x.names, got)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, x := range []struct{ shows, names, says string }{
		{"one that nobody knows, with those that are", "cgroups/cpu,mouse", `there is no isolator "mouse"; there are cgroups/cpu, cgroups/mem, ever, ever/trap, mouse/trap`},
		{"an impossible one that was named, with what is missing", "mouse/trap", "mouse/trap: the kernel has no mouse trap; load it"},
		{"also one that would be there by itself where it is possible", "ever/trap", "ever/trap: the kernel has no mouse trap"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			_, err := isolators.Build(builders(), strings.Split(x.names, ","), isolators.Settings{})
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), x.says) || !strings.HasPrefix(err.Error(), "--isolation: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An agent whose flags say something wrong must not run containers without what they ask for.
func TestBuildRefusesWrongFlagsOfOneThatIsAlwaysThere(t *testing.T) {
	wrong := func(err error) error {
		_, got := isolators.Build([]isolators.Builder{{Names: []string{"ever"}, Always: true,
			New: func(isolators.Settings) (isolators.Isolator, error) { return nil, err }}}, nil, isolators.Settings{})
		return got
	}
	flags := errors.Join(isolators.ErrFlags, errors.New("--cheese: none is left"))
	if err := wrong(flags); !errors.Is(err, flags) {
		t.Errorf("got %v", err)
	}
	if err := wrong(errors.New("no mouse")); err != nil {
		t.Errorf("what is impossible here is left out: %v", err)
	}
}

func TestTop(t *testing.T) {
	top := &isolators.Container{ID: "a"}
	in := &isolators.Container{ID: "a.b.c", Parent: &isolators.Container{ID: "a.b", Parent: top}}
	if in.Top() != top || top.Top() != top || top.Nested() || !in.Nested() {
		t.Error("who is in whom is not known")
	}
}

// judge is an isolator that has something against a container.
type judge struct {
	one
	says *isolators.Limitation
}

func (j *judge) Judge(context.Context, *isolators.Container) *isolators.Limitation { return j.says }

func TestChainJudges(t *testing.T) {
	ctx, c := context.Background(), &isolators.Container{ID: "box"}
	guilty := &isolators.Limitation{Message: "too much"}
	plain, _ := three("")
	if l := plain.Judge(ctx, c); l != nil {
		t.Errorf("nobody judges, and it is %v", l)
	}
	if plain.Keeper() != nil {
		t.Error("nobody keeps it")
	}
	if l := append(plain, &judge{}, &judge{says: guilty}).Judge(ctx, c); l != guilty {
		t.Errorf("the judgement is %v", l)
	}
}
