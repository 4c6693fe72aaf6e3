package bytesize_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/bytesize"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]uint64{"0B": 0, "512B": 512, "10MB": 10 << 20, "2gb": 2 << 30, "1TB": 1 << 40, "3KB": 3072} {
		if got, err := bytesize.Parse(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "MB", "1.5GB", "-1MB", "5PB", "99999999999TB", "18446744073709551616B"} {
		if got, err := bytesize.Parse(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	if bytesize.Format(0) != "0B" || bytesize.Format(2<<30) != "2GB" || bytesize.Format(1025) != "1025B" {
		t.Error("sizes are not written as they are read")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"10MB", "0B", "18446744073709551615B", "1tb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := bytesize.Parse(text)
		if err != nil {
			return
		}
		if again, err := bytesize.Parse(bytesize.Format(n)); err != nil || again != n {
			t.Errorf("%q: %d written as %s, read as %d, %v", text, n, bytesize.Format(n), again, err)
		}
	})
}
