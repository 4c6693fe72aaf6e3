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
		{Seed: 7, Choices: []uint32{}},
		{Seed: 7, Choices: []uint32{1}},
		{Seed: 7, Choices: []uint32{0, 0, 0, 9, 1, 0, 1<<32 - 1}},
		{Seed: 7, Choices: append(make([]uint32, 100_000), 3)},
	} {
		got, err := testkit.ParseReplay(r.String())
		if err != nil || got.Seed != r.Seed || !slices.Equal(got.Choices, r.Choices) || (got.Choices == nil) != (r.Choices == nil) {
			t.Errorf("%.60s: %v, %v", r, got.Seed, err)
		}
		if len(r.String()) > 60 {
			t.Errorf("%d choices take %d characters", len(r.Choices), len(r.String()))
		}
	}
}

func TestZerosAtTheEndAreNotWritten(t *testing.T) {
	if got := (testkit.Replay{Seed: 1, Choices: []uint32{2, 0, 0}}).String(); got != "1:AAI" {
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
	} {
		if r, err := testkit.ParseReplay(s); err == nil {
			t.Errorf("%s: %q is read as %d choices", name, s, len(r.Choices))
		}
	}
}

func FuzzParseReplay(f *testing.F) {
	for _, s := range []string{"7", "7:", "54:DA8", "1:AAI", "1:%%%", "1:__________8B_w8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := testkit.ParseReplay(s)
		if err != nil {
			return
		}
		again, err := testkit.ParseReplay(r.String())
		if err != nil || again.Seed != r.Seed || !slices.Equal(again.Choices, r.Choices) {
			t.Errorf("%q is read as %s, which is read as %s (%v)", s, r, again, err)
		}
	})
}
