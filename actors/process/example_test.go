package process_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

// greeter answers every name with a greeting.
type greeter struct{ greeted int }

func (g *greeter) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, name *wrapperspb.StringValue) {
		g.greeted++
		b.Send(from, wrapperspb.String("hello "+name.Value))
	})
	b.Route("greeted", "", func(*process.Request) process.Future[process.Response] {
		return process.Ready(process.Response{Body: fmt.Append(nil, g.greeted)})
	})
}

// guest greets once and prints the answer.
type guest struct {
	greeter process.UPID
	done    chan struct{}
}

func (g *guest) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, answer *wrapperspb.StringValue) {
		fmt.Printf("%s says %q\n", from.ID, answer.Value)
		close(g.done)
	})
	b.Send(g.greeter, wrapperspb.String("guest"))
}

// Two processes that exchange messages, a question to one of them from outside, and one over HTTP.
func Example() {
	r, err := process.New(process.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Shutdown(context.Background())
	host, err := process.Spawn(r, "greeter", &greeter{})
	if err != nil {
		panic(err)
	}
	done := make(chan struct{})
	if _, err := process.Spawn(r, "guest", &guest{host.UPID, done}); err != nil {
		panic(err)
	}
	<-done

	greeted, err := process.Call(host, func(g *greeter) (int, error) { return g.greeted, nil }).Get(context.Background())
	fmt.Println(greeted, err)

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", "/greeter/greeted", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// greeter says "hello guest"
	// 1 <nil>
	// 200 1
}

// reader shows blocking work, and what comes of it.
type reader struct{ done chan string }

func (r *reader) Initialize(b *process.Base) {
	page := process.Go(b, func(context.Context) (string, error) { return "a page from a slow disk", nil })
	process.Then(b, page, func(text string, err error) { r.done <- text }) // back on the process
}

func ExampleGo() {
	r, err := process.New(process.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Shutdown(context.Background())
	done := make(chan string)
	if _, err := process.Spawn(r, "reader", &reader{done}); err != nil {
		panic(err)
	}
	fmt.Println(<-done)
	// Output: a page from a slow disk
}

// keeper is told when what it keeps an eye on ends.
type keeper struct {
	of   process.UPID
	told chan process.UPID
}

func (k *keeper) Initialize(b *process.Base) { b.Link(k.of) }
func (k *keeper) Exited(who process.UPID)    { k.told <- who }

type shortLived struct{}

func (*shortLived) Initialize(b *process.Base) { b.Delay(time.Millisecond, b.Terminate) }

func ExampleBase_Link() {
	r, err := process.New(process.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Shutdown(context.Background())
	short, err := process.Spawn(r, "short-lived", &shortLived{})
	if err != nil {
		panic(err)
	}
	told := make(chan process.UPID)
	if _, err := process.Spawn(r, "keeper", &keeper{short.UPID, told}); err != nil {
		panic(err)
	}
	fmt.Println(<-told, "has ended")
	// Output: short-lived@local has ended
}
