package wire_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/wire"
)

// header makes headers from pairs of name and value.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// status is the code that Mesos answers with for a refusal.
func status(err error) int {
	switch {
	case err == nil:
		return 200
	case errors.Is(err, wire.ErrMediaType):
		return 415
	case errors.Is(err, wire.ErrNotAcceptable):
		return 406
	case errors.Is(err, fault.ErrInvalid):
		return 400
	}
	return 500
}

func TestContentType(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want wire.Format
		code int
	}{
		{"JSON", header("Content-Type", "application/json"), wire.JSON, 200},
		{"protobuf", header("Content-Type", "application/x-protobuf"), wire.Protobuf, 200},
		{"none", header(), 0, 400},
		{"with a charset", header("Content-Type", "application/json; charset=utf-8"), 0, 415},
		{"in upper case", header("Content-Type", "APPLICATION/JSON"), 0, 415},
		{"text", header("Content-Type", "text/plain"), 0, 415},
		{"another protobuf", header("Content-Type", "application/protobuf"), 0, 415},
		{"a stream", header("Content-Type", "application/recordio"), 0, 415},
		{"empty", header("Content-Type", ""), 0, 415},
		{"Message-Content-Type does not matter", header("Content-Type", "application/json", "Message-Content-Type", "x"), wire.JSON, 200},
	} {
		if got, err := wire.ContentType(c.h); status(err) != c.code || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestStreamContentType(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want wire.Body
		code int
	}{
		{"JSON", header("Content-Type", "application/json"), wire.Body{}, 200},
		{"none", header(), wire.Body{}, 400},
		{"records of JSON", header("Content-Type", "application/recordio", "Message-Content-Type", "application/json"), wire.Body{RecordIO: true}, 200},
		{"records of protobuf", header("Content-Type", "application/recordio", "Message-Content-Type", "application/x-protobuf"),
			wire.Body{Format: wire.Protobuf, RecordIO: true}, 200},
		{"records of nothing", header("Content-Type", "application/recordio"), wire.Body{}, 400},
		{"records of text", header("Content-Type", "application/recordio", "Message-Content-Type", "text/plain"), wire.Body{}, 415},
		{"records named for one message", header("Content-Type", "application/json", "Message-Content-Type", "application/json"), wire.Body{}, 415},
		{"text", header("Content-Type", "text/plain"), wire.Body{}, 415},
	} {
		if got, err := wire.StreamContentType(c.h); status(err) != c.code || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestAccept(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want wire.Format
		code int
	}{
		{"none", header(), wire.JSON, 200},
		{"anything", header("Accept", "*/*"), wire.JSON, 200},
		{"any application", header("Accept", "application/*"), wire.JSON, 200},
		{"both", header("Accept", "application/x-protobuf, application/json"), wire.JSON, 200},
		{"weights do not order", header("Accept", "application/json;q=0.1, application/x-protobuf;q=0.9"), wire.JSON, 200},
		{"zero excludes", header("Accept", "application/json;q=0, */*"), wire.Protobuf, 200},
		{"so does 0.0", header("Accept", "application/json;q=0.0,application/x-protobuf"), wire.Protobuf, 200},
		{"protobuf", header("Accept", "application/x-protobuf"), wire.Protobuf, 200},
		{"with a charset", header("Accept", "application/json; charset=utf-8"), wire.JSON, 200},
		{"in upper case", header("Accept", "APPLICATION/JSON"), wire.JSON, 200},
		{"on two lines", header("Accept", "text/html", "Accept", "application/x-protobuf"), wire.Protobuf, 200},
		{"a weight that is none", header("Accept", "application/json;q=x"), 0, 406},
		{"HTML", header("Accept", "text/html"), 0, 406},
		{"a stream", header("Accept", "application/recordio"), 0, 406},
		{"empty", header("Accept", ""), 0, 406},
	} {
		if got, err := wire.Accept(c.h); status(err) != c.code || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestStreamAccept(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want wire.Body
		code int
	}{
		{"none", header(), wire.Body{}, 200},
		{"JSON before records", header("Accept", "application/recordio, application/json"), wire.Body{}, 200},
		{"records, of JSON unless said otherwise", header("Accept", "application/recordio"), wire.Body{RecordIO: true}, 200},
		{"records of protobuf", header("Accept", "application/recordio", "Message-Accept", "application/x-protobuf"),
			wire.Body{Format: wire.Protobuf, RecordIO: true}, 200},
		{"records of text", header("Accept", "application/recordio", "Message-Accept", "text/plain"), wire.Body{}, 406},
		{"Message-Accept for one message", header("Accept", "application/json", "Message-Accept", "application/json"), wire.Body{}, 406},
		{"text", header("Accept", "text/plain"), wire.Body{}, 406},
	} {
		if got, err := wire.StreamAccept(c.h); status(err) != c.code || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for _, v := range []string{
		"gzip;q=0.0,*", "compress", "compress, gzip;q=0.0", "*, gzip;q=0.0", "*;q=0.0, compress", "\n compress",
		"compress,\tgzip;q=0.0", "gzipbug;q=0.1", "", ",",
	} {
		if wire.AcceptsGzip(header("Accept-Encoding", v)) {
			t.Errorf("%q allows gzip", v)
		}
	}
	for _, v := range []string{
		"gzip;q=0.1,*", "compress, gzip;q=0.1", "*, gzip;q=0.5", "*;q=0.9, compress", "compress,\tgzip;q=0.1",
		"gzip", "compress, gzip", "*", "*, compress", "\n gzip", "compress,\tgzip", "GZIP",
	} {
		if !wire.AcceptsGzip(header("Accept-Encoding", v)) {
			t.Errorf("%q does not allow gzip", v)
		}
	}
	if wire.AcceptsGzip(header()) {
		t.Error("no header allows gzip")
	}
}

func TestBodySetHeader(t *testing.T) {
	h := http.Header{}
	wire.Body{Format: wire.Protobuf, RecordIO: true}.SetHeader(h)
	if h.Get("Content-Type") != "application/recordio" || h.Get("Message-Content-Type") != "application/x-protobuf" {
		t.Error(h)
	}
	h = http.Header{}
	wire.Body{}.SetHeader(h)
	if h.Get("Content-Type") != "application/json" || len(h) != 1 {
		t.Error(h)
	}
}
