package validation

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// Container checks a container: its volumes, and that Docker containers say so.
func Container(c *mesospb.ContainerInfo) error {
	for _, v := range c.GetVolumes() {
		if err := Volume(v); err != nil {
			return in(err, "volume at %q", v.GetContainerPath())
		}
	}
	if c == nil || c.GetType() != mesospb.ContainerInfo_DOCKER {
		return nil // DOCKER is also what an absent container seems to be
	}
	if c.Docker == nil {
		return refuse("container of type DOCKER: set docker")
	}
	for _, p := range c.GetDocker().GetParameters() {
		// The agent names Docker containers itself, or it would not find them again.
		if p.GetKey() == "name" {
			return refuse("docker parameter \"name\" belongs to the agent: leave it out")
		}
	}
	return nil
}

// Volume checks that a volume comes from exactly one place and says all of it.
func Volume(v *mesospb.Volume) error {
	n := 0
	for _, set := range []bool{v.HostPath != nil, v.Image != nil, v.Source != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return refuse("set exactly one of host_path, image and source")
	}
	if v.Source == nil {
		return nil
	}
	return volumeSource(v.Source)
}

func volumeSource(s *mesospb.Volume_Source) error {
	var set bool
	switch s.GetType() {
	case mesospb.Volume_Source_DOCKER_VOLUME:
		set = s.DockerVolume != nil
	case mesospb.Volume_Source_HOST_PATH:
		set = s.HostPath != nil
	case mesospb.Volume_Source_SANDBOX_PATH:
		set = s.SandboxPath != nil
	case mesospb.Volume_Source_SECRET:
		set = s.Secret != nil
	case mesospb.Volume_Source_CSI_VOLUME:
		set = s.GetCsiVolume().GetStaticProvisioning() != nil
	default:
		return refuse("source type %s is unknown", s.GetType())
	}
	if !set {
		return refuse("source of type %s: set the field of this name, and what it needs", s.GetType())
	}
	return nil
}

// sharesCgroups says whether a container lives in its parent's control groups; said is whether it was asked for.
func sharesCgroups(c *mesospb.ContainerInfo) (share, said bool) {
	info := c.GetLinuxInfo()
	if info == nil || info.ShareCgroups == nil {
		return true, false
	}
	return info.GetShareCgroups(), true
}
