package cli

// reasons say what the words of /why mean for whoever waits: what is in the way, and who could change it.
var reasons = map[string]string{
	"deactivated":                       "an operator deactivated or drains the agent, or its machine is in maintenance",
	"excluded by constraints":           "the framework's own offer constraints leave the agent out",
	"incapable":                         "the agent or the framework lacks what the other needs: GPUs, another region, kinds of roles",
	"too small":                         "not even the whole agent would be enough",
	"reserved to others":                "would fit, but for what is reserved to other roles",
	"busy":                              "would fit, but for what others use or are offered just now",
	"less than the minimum of an offer": "what is free is less than the framework wants to be offered at least",
	"declined, filter lasts":            "the framework declined as much, and is not asked again before its filter ends or it revives",
	"over the role's limit":             "would fit, but the quota of the role is used up: an operator may raise its limit",
	"kept for guarantees":               "would fit, but is kept free for what quota guarantees to other roles",
	"fits":                              "has room for it just now",
}

// meaning is a reason and what it means. A newer master may have reasons that are not known here: they stand for themselves.
func meaning(reason string) string {
	if text := reasons[reason]; text != "" {
		return reason + ": " + text
	}
	return reason
}
