package supervisor

import (
	"bytes"
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
	for group, p := range map[string]Place{"web": {Slot: "b", Generation: 7}, "api": {Slot: "a", Generation: 3}} {
		if err := s.note(group, p); err != nil {
			t.Fatal(err)
		}
	}
	again := loadState(path, nil)
	if got := again.of("web"); got != (Place{Slot: "b", Generation: 7}) {
		t.Errorf("web: %+v", got)
	}
	if got := again.of("api"); got != (Place{Slot: "a", Generation: 3}) {
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
		if err := s.note("web", Place{Slot: "b", Generation: 1}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Beside a supervisor that serves still, leaders start in the other slots, and
// with the generations after its own.
func TestStateBeside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	if err := loadState(path, nil).note("web", Place{Slot: "a", Generation: 7}); err != nil {
		t.Fatal(err)
	}
	s := loadState(path, map[string]Place{"web": {Slot: "a", Generation: 7}})
	if got := s.of("web"); got != (Place{Slot: "b", Generation: 7}) {
		t.Errorf("web: %+v", got)
	}
	if got := s.of("new"); got != (Place{Slot: "a"}) {
		t.Errorf("a group that is new: %+v", got)
	}
	if err := s.note("web", Place{Slot: "b", Generation: 8}); err != nil {
		t.Fatal(err)
	}
	if got := loadState(path, nil).of("web"); got != (Place{Slot: "a", Generation: 7}) {
		t.Errorf("the file says %+v already", got)
	}
	if err := s.keep(); err != nil {
		t.Fatal(err)
	}
	if got := loadState(path, nil).of("web"); got != (Place{Slot: "b", Generation: 8}) {
		t.Errorf("the file says %+v", got)
	}
}

// The secret outlives the supervisor, and is not made known.
func TestStateSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	s := loadState(path, nil)
	if len(s.Secret) != secretSize || bytes.Equal(s.Secret, make([]byte, secretSize)) || bytes.Equal(s.Secret, loadState("", nil).Secret) {
		t.Errorf("the secret is %x", s.Secret)
	}
	if err := s.note("web", Place{Slot: "a", Generation: 1}); err != nil {
		t.Fatal(err)
	}
	for name, next := range map[string]*state{"next": loadState(path, nil), "successor": loadState(path, s.all())} {
		if !bytes.Equal(next.Secret, s.Secret) {
			t.Errorf("%s: the secret is another", name)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state's file: %v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte(`{"groups":{},"secret":"c2hvcnQ="}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := loadState(path, nil).Secret; len(got) != secretSize {
		t.Errorf("a secret of %d bytes", len(got))
	}
}

// The state knows the release before the present one, for a rollback.
func TestStateReleases(t *testing.T) {
	t.Parallel()
	s := loadState("", nil)
	for _, step := range []struct{ release, previous string }{
		{"/r/1", ""}, {"/r/1", ""}, {"/r/2", "/r/1"}, {"/r/2", "/r/1"}, {"/r/1", "/r/2"}, {"/r/3", "/r/1"},
	} {
		if err := s.note("web", Place{Slot: "a", Release: step.release}); err != nil {
			t.Fatal(err)
		}
		if got := s.of("web").Previous; got != step.previous {
			t.Errorf("after %s the release before is %q, not %q", step.release, got, step.previous)
		}
	}
}
