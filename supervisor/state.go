package supervisor

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// state is what a supervisor leaves to the next one, in its private runtime
// directory: where the leaders are, without which the next would start others, and
// what it makes secrets of.
type state struct {
	path string // "" keeps nothing

	mu     sync.Mutex
	held   bool             // the file is another supervisor's still
	Groups map[string]Place `json:"groups"`
	// Secret is for what clients bring back after a restart: nonces. It is never empty
	// and does not change.
	Secret []byte `json:"secret"`
}

// Place is where a group's current generation is.
type Place struct {
	Slot       string `json:"slot"`
	Generation int    `json:"generation"`
	// Release is the directory that a link on the way to the application led to,
	// Previous the one before it; "" means none. Pinned is Release, if a rollback
	// asked for it.
	Release  string `json:"release,omitempty"`
	Previous string `json:"previous,omitempty"`
	Pinned   string `json:"pinned,omitempty"`
}

// secretSize is that of a key of SHA-256, in bytes.
const secretSize = 32

// loadState reads the state that was left. There need not be any, and one that
// cannot be read is as good as none: then leaders are started anew. With beside the
// leaders of a supervisor that serves still are as that one says.
func loadState(path string, beside map[string]Place) *state {
	s := readState(path)
	s.path = path
	if len(s.Secret) != secretSize {
		s.Secret = make([]byte, secretSize)
		rand.Read(s.Secret) // never fails
	}
	if beside != nil {
		s.Groups, s.held = map[string]Place{}, true
		for name, p := range beside {
			p.Slot = other(p.Slot)
			s.Groups[name] = p
		}
	}
	return s
}

func readState(path string) *state {
	s := &state{}
	if path != "" {
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, s)
		}
		if err != nil {
			s = &state{}
		}
	}
	if s.Groups == nil {
		s.Groups = map[string]Place{}
	}
	return s
}

func (s *state) of(group string) Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.Groups[group]; p.Slot == "a" || p.Slot == "b" {
		return p
	}
	return Place{Slot: "a"}
}

func (s *state) all() map[string]Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.Groups)
}

func other(slot string) string {
	if slot == "a" {
		return "b"
	}
	return "a"
}

// note keeps where a group's generation is, whole or not at all.
func (s *state) note(group string, p Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch before := s.Groups[group]; {
	case p.Release != before.Release && before.Release != "":
		p.Previous = before.Release
	default:
		p.Previous = before.Previous
	}
	s.Groups[group] = p
	return s.writeLocked()
}

// keep makes the file this supervisor's own.
func (s *state) keep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	return s.writeLocked()
}

func (s *state) writeLocked() error {
	if s.path == "" || s.held {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot keep the state: %w", err)
	}
	fresh := filepath.Join(filepath.Dir(s.path), ".state.new")
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return fmt.Errorf("cannot keep the state: %w", err)
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return fmt.Errorf("cannot keep the state: %w", err)
	}
	return nil
}
