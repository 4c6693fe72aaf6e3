package consul

// Mark is how far a cluster had come when it was last seen.
type Mark struct {
	// Cluster is the id that the cluster got at its first election.
	Cluster string `json:"cluster"`
	// Epoch is that of the newest term, and Sequence how many writes the registry has seen in all terms.
	Epoch    uint64 `json:"epoch"`
	Sequence uint64 `json:"sequence"`
}

// Memory keeps a Mark outside Consul, so that a Consul which was wiped or restored is noticed. It may be a
// little behind: what it proves is only that Consul had come at least as far.
type Memory interface {
	// Load returns the zero Mark if nothing was saved.
	Load() (Mark, error)
	Save(Mark) error
}
