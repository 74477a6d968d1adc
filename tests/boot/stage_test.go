package boot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

var _ boot.T = (*boot.Stage)(nil)

func TestStage(t *testing.T) {
	for name, tc := range map[string]struct {
		play          func(s *boot.Stage, note func(string))
		notes         []string
		lacking, fail string
	}{
		"to its end": {
			play: func(s *boot.Stage, note func(string)) {
				s.Cleanup(func() { note("first made") })
				s.Cleanup(func() { note("last made") })
				note("played")
			},
			notes: []string{"played", "last made", "first made"},
		},
		"a failure ends it": {
			play: func(s *boot.Stage, note func(string)) {
				s.Cleanup(func() { note(fmt.Sprint("cleared, failed: ", s.Failed())) })
				s.Fatalf("no %s", "answer")
				note("went on")
			},
			notes: []string{"cleared, failed: true"}, fail: "no answer",
		},
		"an error does not": {
			play: func(s *boot.Stage, note func(string)) {
				s.Error("one ", 1)
				s.Error("two")
				note("went on")
			},
			notes: []string{"went on"}, fail: "one 1\ntwo",
		},
		"a failure while clearing hides none behind it": {
			play: func(s *boot.Stage, note func(string)) {
				s.Cleanup(func() { note("first made") })
				s.Cleanup(func() { s.Fatal("cannot clear") })
				s.Fatal("broken")
			},
			notes: []string{"first made"}, fail: "broken\ncannot clear",
		},
		"what the host lacks is no failure": {
			play: func(s *boot.Stage, note func(string)) {
				s.Cleanup(func() { note("cleared") })
				s.Skipf("not %s", "root")
				note("went on")
			},
			notes: []string{"cleared"}, lacking: "not root",
		},
	} {
		var notes []string
		lacking, err := boot.OnStage(t.Logf, func(s *boot.Stage) {
			tc.play(s, func(text string) { notes = append(notes, text) })
		})
		text := ""
		if err != nil {
			text = err.Error()
		}
		if !slices.Equal(notes, tc.notes) || lacking != tc.lacking || text != tc.fail {
			t.Errorf("%s: notes %q, lacking %q, error %q", name, notes, lacking, text)
		}
	}
}

func TestStageWithinAStage(t *testing.T) {
	var inner error
	_, err := boot.OnStage(t.Logf, func(outer *boot.Stage) {
		_, inner = boot.OnStage(t.Logf, func(s *boot.Stage) { s.Fatal("inside") })
		outer.Error("outside")
	})
	if inner == nil || inner.Error() != "inside" || err == nil || strings.Contains(err.Error(), "inside") {
		t.Errorf("inner %v, outer %v", inner, err)
	}
}
