package node

import (
	"runtime/debug"
	"time"

	"github.com/meseta-io/meseta/messages/mesos"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// version is what the program knows of itself.
func version() *mesospb.VersionInfo {
	number, date, user, seconds := mesos.Version, "unknown", "meseta", 0.0
	v := &mesospb.VersionInfo{Version: &number, BuildUser: &user, BuildTime: &seconds, BuildDate: &date}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.GitSha = &s.Value
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				date, seconds = at.Format("2006-01-02 15:04:05"), float64(at.Unix())
			}
		}
	}
	return v
}
