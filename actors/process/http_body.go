package process

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// readBody reads a request's body, unpacked, and no more than limit bytes of it either way.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	var body io.Reader = http.MaxBytesReader(w, req.Body, limit)
	if strings.EqualFold(req.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		// A bomb is small until it is unpacked.
		body = http.MaxBytesReader(w, unpacked, limit)
	}
	return io.ReadAll(body)
}

func bodyStatus(err error) int {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// gzipMinimum is the shortest body that is worth packing, as in libprocess.
const gzipMinimum = 1024

// acceptsGzip reads an Accept-Encoding header: gzip by name, or by "*" if it is not named, with any weight but
// zero.
func acceptsGzip(header string) bool {
	all := false
	for entry := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(entry, ";")
		accepted := weight(params) > 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			return accepted
		case "*":
			all = accepted
		}
	}
	return all
}

func weight(params string) float64 {
	q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
	if !ok {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 0
	}
	return v
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer never fails
	_ = w.Close()
	return b.Bytes()
}

// write sends an answer to the client, and its stream as it comes.
func write(w http.ResponseWriter, req *http.Request, a Response) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.Stream == nil && a.Body == nil && a.Status >= 400 {
		a.Body = []byte(strconv.Itoa(a.Status) + " " + http.StatusText(a.Status) + ".")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	if a.Stream == nil && len(a.Body) >= gzipMinimum && w.Header().Get("Content-Encoding") == "" &&
		acceptsGzip(req.Header.Get("Accept-Encoding")) {
		a.Body = compress(a.Body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(a.Status)
	if req.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(a.Body) // a client that is gone is no concern of the actor's
	if a.Stream != nil {
		pour(req.Context(), w, a.Stream)
		if a.Broken != nil && a.Broken() != nil {
			panic(http.ErrAbortHandler) // net/http's word for it
		}
	}
}

func pour(ctx context.Context, w http.ResponseWriter, stream <-chan []byte) {
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	for {
		select {
		case piece, ok := <-stream:
			if !ok {
				return
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
			_ = flush.Flush()
		case <-ctx.Done():
			return
		}
	}
}
