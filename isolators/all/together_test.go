package all_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/all"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// image is a root file system with a shell.
func image(t *testing.T) string {
	t.Helper()
	exam.Skip(t, exam.File("/bin/busybox"))
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	program, err := os.ReadFile("/bin/busybox")
	must(t, err, os.Mkdir(dir+"/bin", 0o755), os.WriteFile(dir+"/bin/busybox", program, 0o755))
	for _, name := range []string{"sh", "cat", "echo", "ls", "id", "wc", "readlink", "touch", "grep"} {
		must(t, os.Symlink("busybox", dir+"/bin/"+name))
	}
	return dir
}

// The isolators of files and namespaces get on with each other, whichever of them are used, as root or as another user, with a root
// of its own or the machine's.
func TestFilesAndNamespacesTogether(t *testing.T) {
	exam.Skip(t, exam.Root, exam.Kernel(5, 12))
	const some = "filesystem/linux,namespaces/pid,namespaces/ipc,namespaces/uts"
	root := image(t)
	for _, names := range []string{"filesystem/linux", some, some + ",namespaces/cgroup,namespaces/user,disk/du,linux/devices"} {
		for _, uid := range []int{0, 1001} {
			for _, rootFS := range []string{"", root} {
				what := names[strings.LastIndex(names, "/")+1:] + map[bool]string{true: " of root", false: " of a user"}[uid == 0] + map[bool]string{true: " on the machine's root", false: " on its own root"}[rootFS == ""]
				t.Run(what, func(t *testing.T) { together(t, strings.Split(names, ","), uid, rootFS) })
			}
		}
	}
}

func together(t *testing.T, names []string, uid int, rootFS string) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	s := isolators.Settings{Root: true, Launcher: "linux", Isolation: names, WorkDir: dir + "/work", RuntimeDir: dir + "/run"}
	c := &isolators.Container{ID: "box", Info: &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()}, UID: uid, GID: uid, Sandbox: s.WorkDir + "/box", State: s.RuntimeDir + "/box"}
	data, at, secret := dir+"/data", dir+"/at", s.WorkDir+"/other/secret"
	must(t, os.MkdirAll(c.Sandbox, 0o755), os.MkdirAll(c.State, 0o700), os.Mkdir(data, 0o755), os.Mkdir(at, 0o755), os.MkdirAll(filepath.Dir(secret), 0o755),
		os.WriteFile(data+"/file", []byte("data\n"), 0o644), os.WriteFile(secret, []byte("secret\n"), 0o644), os.Chown(c.Sandbox, uid, uid))
	c.Info.Volumes = []*mesospb.Volume{
		{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RO.Enum(), Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_HOST_PATH.Enum(), HostPath: &mesospb.Volume_Source_HostPath{Path: &data}}},
		{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum(), Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_SANDBOX_PATH.Enum(),
			SandboxPath: &mesospb.Volume_Source_SandboxPath{Type: mesospb.Volume_Source_SandboxPath_SELF.Enum(), Path: proto.String("tmp")}}}}
	c.Command = &mesospb.CommandInfo{Value: proto.String("id -u; cat data/file; touch data/new 2>/dev/null && echo readonly; echo x > told; echo y > " + at + "/mine; cat tmp/mine; cat " + secret + " 2>/dev/null; cat /proc/self/comm; echo z > /dev/null && echo null")}
	var files []isolators.Builder // those of groups have tests of their own
	for _, b := range all.Builders() {
		if !b.Always || strings.HasPrefix(b.Names[0], "volume/") || strings.HasPrefix(b.Names[0], "filesystem/") {
			files = append(files, b)
		}
	}
	chain, err := isolators.Build(files, names, s)
	must(t, err)
	said, code := exam.Run(t, chain, c, func(p *isolators.Plan) { p.RootFS = rootFS })
	if want := map[int]string{0: "0\n", 1001: "1001\n"}[uid] + "data\ny\ncat\nnull\n"; said != want || code != 0 {
		t.Errorf("it said %q and ended with %d, want %q", said, code, want)
	}
	for _, name := range []string{"told", "tmp/mine"} {
		if _, err := os.Stat(filepath.Join(c.Sandbox, name)); err != nil {
			t.Error(err)
		}
	}
}
