// Package isolators is the room of the hands on Linux: one interface, one package below this one for each kind of
// isolation, and the accounting of what containers use. It knows words only; the agent reaches it through its launcher.
//
// Nothing lives here yet. Until it does, tasks are plain processes (actors/containerizer/posix): their resources
// are offered and accounted, and no limit on them is enforced, as docs/compatibility.md says.
package isolators
