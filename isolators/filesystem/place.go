package filesystem

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
)

// Place makes where something is mounted in a root of its own, for containers whose own root may not: that of a user namespace
// is nobody in the image. Below /dev, /proc and /sys the image is not seen.
func Place(plan *isolators.Plan, target string, directory bool) error {
	clean := strings.TrimPrefix(path.Clean("/"+target), "/")
	first, _, deep := strings.Cut(clean, "/")
	if plan.RootFS == "" || plan.Namespaces&unix.CLONE_NEWUSER == 0 || clean == "" || deep && (first == "dev" || first == "proc" || first == "sys") {
		return nil
	}
	root, err := beneath.Open(plan.RootFS, ".")
	if err != nil {
		return err
	}
	defer root.Close()
	do := beneath.MakeFile
	if directory {
		do = beneath.MakeDir
	}
	f, _, err := do(root, clean, beneath.Owner{})
	if err != nil {
		return fmt.Errorf("make a place for /%s in the container's root: %w", clean, err)
	}
	return f.Close()
}
