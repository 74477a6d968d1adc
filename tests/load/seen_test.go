package load

import (
	"slices"
	"strings"
	"testing"
)

func TestReadSeen(t *testing.T) {
	seen, err := ReadSeen(strings.NewReader("r-0-1 GET 12 1 one\n- POST 13 2 two\n"))
	want := []Seen{{"r-0-1", "GET", 12, 1, "one"}, {"-", "POST", 13, 2, "two"}}
	if err != nil || !slices.Equal(seen, want) {
		t.Errorf("seen %v, %v, want %v", seen, err, want)
	}
	for _, bad := range []string{"r-0-1 GET 12 1\n", "r-0-1 GET 12 1 one more\n", "r GET x 1 g\n", "r GET 1 x g\n", "r GET 1 1 g\n\n"} {
		if _, err := ReadSeen(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// TestSeenAndAnswered: what was served twice, and what somebody else answered.
func TestSeenAndAnswered(t *testing.T) {
	r := &Report{run: "r", answered: make([]bitmap, 2)}
	r.answered[0].add(1)
	r.answered[0].add(64)
	r.answered[1].add(200)
	seen := []Seen{
		{ID: "r-0-1"},
		{ID: "r-1-200"},
		{ID: "r-0-2", PID: 1},
		{ID: "r-0-2", PID: 2}, // failed, but served twice
		{ID: "q-0-1"},
		{ID: "q-0-1"},
		{ID: "r-2-1"},
		{ID: "r-2-1"},
		{ID: "r-x-1"},
		{ID: "r-0--1"},
		{ID: "r-seen"},
		{ID: "-"}, // not of this run
	}
	if got := r.Repeated(seen); !slices.Equal(got, []Seen{{ID: "r-0-2", PID: 2}}) {
		t.Errorf("repeated: %v", got)
	}
	if got := r.Unrecorded(seen); !slices.Equal(got, []string{"r-0-64"}) {
		t.Errorf("unrecorded: %v", got)
	}
}
