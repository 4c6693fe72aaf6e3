package master

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
)

// durable writes a change that an operator wants, then applies it, and only then answers. What is applied looks at
// the world again, which may have moved while the registry was written; writes are applied in the order in which the
// registrar did them.
func (m *Master) durable(op registrar.Operation, apply func() error) process.Future[struct{}] {
	done, future := process.NewPromise[struct{}](m.Base)
	process.Then(m.Base, m.registrar.Apply(m.Base, op), func(_ struct{}, err error) {
		if errors.Is(err, registrar.ErrStore) {
			m.Fatal(err)
		} else if err == nil {
			err = apply()
		}
		done.Complete(struct{}{}, err)
	})
	return future
}

// refusedOrder is an order that is not carried out. The words of the class stand at the end, and nowhere else.
func refusedOrder(class error, format string, args ...any) process.Future[struct{}] {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = strings.ReplaceAll(err.Error(), ": "+fault.ErrInvalid.Error(), "")
		}
	}
	return process.Failed[struct{}](fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), class))
}

// denied is the answer to those who may not.
func denied(who authorization.Subject, action authorization.Action) process.Future[struct{}] {
	return process.Failed[struct{}](authorization.Refusal(who, action))
}

// maxNamed bounds the roles that weights, and quotas, are kept for: each is an entry of the registry for ever.
const maxNamed = 20_000
