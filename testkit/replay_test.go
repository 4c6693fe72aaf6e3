package testkit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/testkit"
)

func TestAReplayReadsWhatItWrote(t *testing.T) {
	for _, r := range []testkit.Replay{
		{Seed: 0}, {Seed: 7}, {Seed: 1<<64 - 1},
		{Seed: 7, Choices: &testkit.Choices{}},
		{Seed: 7, Choices: &testkit.Choices{{1}}},
		{Seed: 7, Choices: &testkit.Choices{{}, {2}, {}, {0, 3}}},
		{Seed: 7, Choices: &testkit.Choices{{0, 0, 0, 9, 1, 0, 1<<32 - 1}, {5}}},
		{Seed: 7, Choices: &testkit.Choices{append(make([]uint32, 100_000), 3)}},
	} {
		got, err := testkit.ParseReplay(r.String())
		if err != nil || !same(got, r) {
			t.Errorf("%.60s: %v, %v", r, got.Seed, err)
		}
		if len(r.String()) > 60 {
			t.Errorf("%.60s takes %d characters", r, len(r.String()))
		}
	}
}

func same(a, b testkit.Replay) bool {
	if a.Seed != b.Seed || (a.Choices == nil) != (b.Choices == nil) {
		return false
	}
	for i := 0; a.Choices != nil && i < len(a.Choices); i++ {
		if !slices.Equal(a.Choices[i], b.Choices[i]) {
			return false
		}
	}
	return true
}

func TestZerosAtTheEndAreNotWritten(t *testing.T) {
	if got := (testkit.Replay{Seed: 1, Choices: &testkit.Choices{{2, 0, 0}, {}, {0}}}).String(); got != "1:AAI" {
		t.Errorf("%s", got)
	}
}

func TestAReplayThatNobodyPrintedIsRefused(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":             "",
		"no number":           "seed",
		"a negative seed":     "-1",
		"too large a seed":    "18446744073709551616",
		"no base64":           "1:%%%",
		"half a pair":         "1:AA",
		"a choice of zero":    "1:AAA",
		"a varint that ends":  "1:gA",
		"too large a choice":  "1:AP____9_",
		"a bomb":              "1:__________8B_w8",
		"many smaller bombs":  "1:" + strings.Repeat("gICABAEA", 8),
		"something behind it": "1:AAI:",
		"too many topics":     "1:AAI....AAI",
	} {
		if r, err := testkit.ParseReplay(s); err == nil {
			t.Errorf("%s: %q is read as %.60s", name, s, r)
		}
	}
}

func FuzzParseReplay(f *testing.F) {
	for _, s := range []string{"7", "7:", "54:DA8", "54:.DA8..AAI", "1:AAI", "1:%%%", "1:__________8B_w8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := testkit.ParseReplay(s)
		if err != nil {
			return
		}
		again, err := testkit.ParseReplay(r.String())
		if err != nil || !same(again, r) {
			t.Errorf("%q is read as %s, which is read as %s (%v)", s, r, again, err)
		}
	})
}
