package node

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Credential reads the file of one who authenticates. No path: nil.
func Credential(path string, log *slog.Logger) (*mesospb.Credential, error) {
	if path == "" {
		return nil, nil
	}
	file, err := readSecret("credential", path, log)
	if err != nil {
		return nil, err
	}
	one, err := credentials.ParseOne(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--credential=%s: %w", path, err)
	case one == nil:
		return nil, fmt.Errorf("--credential=%s: the file is empty; write a principal and a secret into it", path)
	}
	return one, nil
}

// readSecret reads a file that only its owner should, and warns if others can.
func readSecret(flag, path string, log *slog.Logger) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read these secrets; take the permission from them with chmod 600", "flag", flag, "file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, credentials.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return content, nil
}
