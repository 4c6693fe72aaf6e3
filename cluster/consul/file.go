package consul

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// FileMemory is a Memory in a file, best in the master's work directory.
func FileMemory(path string) Memory { return file(path) }

type file string

func (f file) Load() (m Mark, err error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return Mark{}, fmt.Errorf("%s: %w (delete it if this master never belonged to a cluster)", string(f), err)
	}
	return m, nil
}

// Save replaces the file, so that a crash leaves the old or the new one.
func (f file) Save(m Mark) error {
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), ".mark-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(encode(m))
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), string(f))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
