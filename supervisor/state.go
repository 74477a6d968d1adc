package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// state is what a supervisor leaves to the next one, in its private runtime
// directory: where the leaders are. Without it the next would start others.
type state struct {
	path string // "" keeps nothing

	mu     sync.Mutex
	Groups map[string]place `json:"groups"`
}

// place is where a group's current generation is.
type place struct {
	Slot       string `json:"slot"`
	Generation int    `json:"generation"`
}

// loadState reads the state that was left. There need not be any, and one that
// cannot be read is as good as none: then leaders are started anew.
func loadState(path string) *state {
	s := &state{path: path, Groups: map[string]place{}}
	if path == "" {
		return s
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil || s.Groups == nil {
		s.Groups = map[string]place{}
	}
	return s
}

func (s *state) of(group string) place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.Groups[group]; p.Slot == "a" || p.Slot == "b" {
		return p
	}
	return place{Slot: "a"}
}

// note keeps where a group's generation is, whole or not at all.
func (s *state) note(group string, p place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Groups[group] = p
	if s.path == "" {
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
