// Package detector finds the leading master by asking masters, for clusters whose agents and schedulers are told
// addresses of masters and nothing of the election: --master=h1:5050,h2:5050,h3:5050.
//
// A Herald lives beside every master, leading or not, and answers from what the election tells it. It is an actor of
// its own, so that ten thousand who ask never delay what a master decides. A Detector lives beside whoever wants to
// know. It asks one herald after the other, but what they say is only a hint: a master that is cut off from the
// election tells of a leader that is none any more. Who leads is believed when that master's own herald says so, in
// an epoch that is not older than the newest heard of, and has recovered. From then on only that herald is asked, and
// the link to it tells of its end.
package detector
