package supervisor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	s := loadState(path)
	if got := s.of("web"); got != (place{Slot: "a"}) {
		t.Errorf("without a file: %+v", got)
	}
	for group, p := range map[string]place{"web": {"b", 7}, "api": {"a", 3}} {
		if err := s.note(group, p); err != nil {
			t.Fatal(err)
		}
	}
	again := loadState(path)
	if got := again.of("web"); got != (place{"b", 7}) {
		t.Errorf("web: %+v", got)
	}
	if got := again.of("api"); got != (place{"a", 3}) {
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
		s := loadState(path)
		if got := s.of("web"); got != (place{Slot: "a"}) {
			t.Errorf("%q: %+v", text, got)
		}
		if err := s.note("web", place{"b", 1}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
