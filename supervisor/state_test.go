package supervisor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	s := loadState(path, nil)
	if got := s.of("web"); got != (Place{Slot: "a"}) {
		t.Errorf("without a file: %+v", got)
	}
	for group, p := range map[string]Place{"web": {"b", 7}, "api": {"a", 3}} {
		if err := s.note(group, p); err != nil {
			t.Fatal(err)
		}
	}
	again := loadState(path, nil)
	if got := again.of("web"); got != (Place{"b", 7}) {
		t.Errorf("web: %+v", got)
	}
	if got := again.of("api"); got != (Place{"a", 3}) {
		t.Errorf("api: %+v", got)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// What cannot be understood is as good as nothing: leaders are started anew.
func TestStateThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "[]", `{"groups":null}`, `{"groups":{"web":{"slot":"../x","generation":2}}}`} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := loadState(path, nil)
		if got := s.of("web"); got != (Place{Slot: "a"}) {
			t.Errorf("%q: %+v", text, got)
		}
		if err := s.note("web", Place{"b", 1}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Beside a supervisor that serves still, leaders start in the other slots, and
// with the generations after its own.
func TestStateBeside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	if err := loadState(path, nil).note("web", Place{"a", 7}); err != nil {
		t.Fatal(err)
	}
	s := loadState(path, map[string]Place{"web": {"a", 7}})
	if got := s.of("web"); got != (Place{"b", 7}) {
		t.Errorf("web: %+v", got)
	}
	if got := s.of("new"); got != (Place{Slot: "a"}) {
		t.Errorf("a group that is new: %+v", got)
	}
	if err := s.note("web", Place{"b", 8}); err != nil {
		t.Fatal(err)
	}
	if got := loadState(path, nil).of("web"); got != (Place{"a", 7}) {
		t.Errorf("the file says %+v already", got)
	}
	if err := s.keep(); err != nil {
		t.Fatal(err)
	}
	if got := loadState(path, nil).of("web"); got != (Place{"b", 8}) {
		t.Errorf("the file says %+v", got)
	}
}
