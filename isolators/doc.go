// Package isolators is the room of the hands on Linux. It says what an Isolator is, what it may know of a container and
// what it may ask of the launcher, and runs those that were chosen in order, as a Chain. Each kind is a package of its own
// below this one; package all knows them by Mesos' names, package exam is what each of them has to pass, and package launch
// starts the first process of a container after a Plan.
//
// The life of a container, as the containerizer leads it:
//
//	record written → Prepare (in order) → process born, waiting → Isolate (in order) → process goes on
//	→ Watch, Update, Usage, Status → every process dead → Cleanup (in reverse) → record removed
//
// After a restart of the agent each isolator hears of the containers that live (Recover); the others are killed and
// cleaned up like any that ended. So what was prepared is found again from what the kernel and the container's own
// directory say, and Cleanup can be called at any moment, twice, and for what was never prepared.
package isolators
