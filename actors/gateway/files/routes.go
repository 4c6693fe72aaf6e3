package files

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/wire"
)

// Routes are /files/browse, read, download and debug of a service, in the realm of those who may read the node's
// state. The authorizer (nil: everybody may) decides about debug alone; what is attached brings its own Allow.
func Routes(s *Service, realm string, authorizer authorization.Authorizer) []web.Route {
	route := func(pattern, summary string, serve func(*web.Writer, *web.Request)) web.Route {
		return web.Route{Process: "files", Pattern: pattern, Realm: realm, Summary: summary, Serve: serve}
	}
	return []web.Route{
		route("browse", "Returns a file listing for a directory.", s.browse),
		route("read", "Reads data from a file.", s.read),
		route("download", "Returns the raw file contents for a given path.", s.download),
		route("debug", "Returns the internal virtual path mapping.", func(w *web.Writer, r *web.Request) {
			if authorizer != nil && !authorization.Approves(authorizer, r.Subject(), authorization.GetEndpointWithPath, authorization.Endpoint("/files/debug")) {
				w.Text(http.StatusForbidden, "")
				return
			}
			s.debug(w, r)
		}),
	}
}

// WriteError answers a request for a file that failed, as /files and the calls LIST_FILES and READ_FILE do: what is
// not there or not allowed has no body.
func WriteError(w *web.Writer, err error) {
	var r *refusal
	switch {
	case !errors.As(err, &r):
		w.Error(err)
	case r.text == "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Empty(r.status)
	default:
		w.Text(r.status, r.text)
	}
}

// wanted is the path that a request asks for.
func wanted(w *web.Writer, r *web.Request) (path string, ok bool) {
	if path, _ = r.Query("path"); path == "" {
		w.Text(http.StatusBadRequest, "Expecting 'path=value' in query.\n")
		return "", false
	}
	return path, true
}

func (s *Service) browse(w *web.Writer, r *web.Request) {
	path, ok := wanted(w, r)
	if !ok {
		return
	}
	infos, err := s.List(r.Subject(), path)
	if err != nil {
		WriteError(w, err)
		return
	}
	w.JSON(r, func(b *web.Buffer) {
		b.B = append(b.B, '[')
		for i, info := range infos {
			if i > 0 {
				b.B = append(b.B, ',')
			}
			b.B = append(wire.AppendString(append(b.B, `{"gid":`...), info.GetGid()), `,"mode":"`...)
			b.B = append(append(b.B, modeText(info.GetMode())...), `","mtime":`...)
			b.B = strconv.AppendInt(b.B, info.GetMtime().GetNanoseconds()/int64(time.Second), 10)
			b.B = append(b.B, `.0,"nlink":`...)
			b.B = strconv.AppendInt(b.B, int64(info.GetNlink()), 10)
			b.B = wire.AppendString(append(b.B, `,"path":`...), info.GetPath())
			b.B = strconv.AppendUint(append(b.B, `,"size":`...), info.GetSize(), 10)
			b.B = append(wire.AppendString(append(b.B, `,"uid":`...), info.GetUid()), '}')
			b.Flush()
		}
		b.B = append(b.B, ']')
	})
}

func (s *Service) read(w *web.Writer, r *web.Request) {
	path, ok := wanted(w, r)
	if !ok {
		return
	}
	offset, length, err := span(r.Query)
	if err != nil {
		WriteError(w, err)
		return
	}
	if offset < 0 {
		// Whoever wants to follow a file asks for its end first.
		none := uint64(0)
		_, size, err := s.Read(r.Subject(), path, 0, &none)
		if err != nil {
			WriteError(w, err)
			return
		}
		w.JSON(r, func(b *web.Buffer) { b.B = appendData(b.B, nil, size) })
		return
	}
	data, _, err := s.Read(r.Subject(), path, uint64(offset), length)
	if err != nil {
		WriteError(w, err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = appendData(b.B, data, uint64(offset)) })
}

// span reads offset and length of a query: -1 for an offset that asks where the end is, a nil length for all.
func span(query func(string) (string, bool)) (offset int64, length *uint64, err error) {
	number := func(name string) (int64, error) {
		text, given := query(name)
		if !given || text == "" {
			return -1, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, invalid("Failed to parse %s: Failed to convert '%s' to number.\n", name, strings.ToValidUTF8(text, "?"))
		}
		return n, nil
	}
	if offset, err = number("offset"); err != nil {
		return 0, nil, err
	}
	n, err := number("length")
	switch {
	case err != nil:
		return 0, nil, err
	case offset < -1:
		return 0, nil, invalid("Negative offset provided: %d.\n", offset)
	case n < -1:
		return 0, nil, invalid("Negative length provided: %d.\n", n)
	case n >= 0:
		most := uint64(n)
		length = &most
	}
	return offset, length, nil
}

// appendData writes {"data":…,"offset":…}. Bytes that are not UTF-8 stay as they are, because whoever follows a file
// counts them to know where to go on.
func appendData(dst, data []byte, offset uint64) []byte {
	dst = append(dst, `{"data":"`...)
	for len(data) > 0 {
		n := 0
		for n < len(data) && data[n] >= 0x80 {
			n++
		}
		dst = append(dst, data[:n]...)
		data = data[n:]
		for n = 0; n < len(data) && data[n] < 0x80; {
			n++
		}
		quoted := wire.AppendString(nil, string(data[:n]))
		dst = append(dst, quoted[1:len(quoted)-1]...)
		data = data[n:]
	}
	return append(strconv.AppendUint(append(dst, `","offset":`...), offset, 10), '}')
}

// patience is how long a client may leave a piece of a download unread.
const patience = 30 * time.Second

func (s *Service) download(w *web.Writer, r *web.Request) {
	path, ok := wanted(w, r)
	if !ok {
		return
	}
	d, err := s.Open(r.Subject(), path)
	if err != nil {
		var refused *refusal
		if errors.As(err, &refused) && refused.text == "" {
			w.Text(refused.status, "")
			return
		}
		WriteError(w, err)
		return
	}
	defer d.Close()
	h := w.Header()
	h.Set("Content-Type", typeOf(d.Name))
	h.Set("Content-Disposition", disposition(d.Name))
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Content-Length", strconv.FormatInt(d.Size, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w.ResponseWriter)
	for left := d.Size; left > 0; {
		_ = control.SetWriteDeadline(time.Now().Add(patience))
		n, err := io.CopyN(w.ResponseWriter, d.File, min(left, 1<<20))
		if left -= n; err != nil {
			return // net/http breaks a connection on which less came than was announced
		}
	}
}

// disposition names the file in a header. Names are any bytes: those that are not plain are encoded, and none can end
// the header or begin another.
func disposition(name string) string {
	if text := mime.FormatMediaType("attachment", map[string]string{"filename": strings.ToValidUTF8(name, "_")}); text != "" {
		return text
	}
	return "attachment"
}

// types are those that a browser may be told. Others are bytes.
var types = map[string]string{
	".txt": "text/plain", ".text": "text/plain", ".conf": "text/plain", ".htm": "text/html", ".html": "text/html",
	".css": "text/css", ".csv": "text/csv", ".xml": "text/xml", ".json": "application/json", ".js": "application/javascript",
	".pdf": "application/pdf", ".zip": "application/zip", ".gz": "application/x-gzip", ".tgz": "application/x-compressed",
	".tar": "application/x-tar", ".jar": "application/java-archive", ".sh": "application/x-sh", ".py": "text/plain",
	".png": "image/png", ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml",
}

func typeOf(name string) string {
	if t := types[strings.ToLower(path.Ext(name))]; t != "" {
		return t
	}
	return "application/octet-stream"
}

func (s *Service) debug(w *web.Writer, r *web.Request) {
	all := s.Attached()
	w.JSON(r, func(b *web.Buffer) {
		b.B = append(b.B, '{')
		for i, virtual := range slices.Sorted(maps.Keys(all)) {
			if i > 0 {
				b.B = append(b.B, ',')
			}
			b.B = wire.AppendString(append(wire.AppendString(b.B, virtual), ':'), all[virtual])
		}
		b.B = append(b.B, '}')
	})
}
