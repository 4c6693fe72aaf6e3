package web

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
)

// Request is a request as a route gets it: authenticated, of an admitted method, its body read, unpacked and bounded.
type Request struct {
	*http.Request
	// Principal is who proved to send it. Zero: anonymous.
	Principal process.Principal
	// Body is the whole body, unpacked. Routes with Streams get none of a RecordIO body, and read Request.Body themselves.
	Body []byte
	// Path is the path by which the request was routed: after the delegate rule, and with "/" in front.
	Path string
	// Rest is what follows the route's pattern, without a leading "/".
	Rest string

	query map[string]string
}

// Subject is the sender as access control lists know it.
func (r *Request) Subject() authorization.Subject {
	return authorization.Subject{Principal: r.Principal.Name, Claims: r.Principal.Claims}
}

// Query is a parameter of the query, decoded. Of one given twice the last counts, as in libprocess.
func (r *Request) Query(name string) (value string, given bool) {
	value, given = r.query[name]
	return value, given
}

// Form reads the body as a form: key=value pairs, encoded as in a query. Mesos does not look at the Content-Type.
func (r *Request) Form() (map[string]string, error) {
	form, err := decodeQuery(string(r.Body))
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "Unable to decode query string: %v", err)
	}
	return form, nil
}
