// Package wire frames the words: it turns messages into the bytes that travel and back.
//
//   - JSON as Apache Mesos writes and reads it, which is not the standard protobuf JSON mapping in either
//     direction: field names stay snake_case, 64-bit integers are numbers, whole doubles end in ".0", unset
//     fields with a declared default are written, and readers are lenient ([AppendJSON], [EncodeJSON], [DecodeJSON]).
//   - Protobuf bodies ([AppendProto], [DecodeProto]).
//   - RecordIO, the length-prefixed framing of every Mesos event stream ([RecordReader], [RecordWriter]).
//   - Content negotiation: which Content-Type and Accept headers are understood ([ContentType], [Accept], …).
//
// Everything that is read is bounded: by its size, by how deeply it nests and by how much memory the decoded message may
// take ([Limits]). What is refused is refused with an error of class fault.ErrInvalid that names the field or the
// offset. Nothing here panics on what others sent.
//
// Of HTTP the package knows header values. Connections, status codes and compression are the gateway's.
package wire
