package main

import (
	"errors"
	"fmt"
	"runtime"
)

// stage is the [boot.T] of a program that is no test. It belongs to the goroutine
// that onStage starts, and Fatal ends that one.
type stage struct {
	say      func(format string, args ...any)
	cleanups []func()
	errs     []error
	lacking  string // why a machine cannot be had here; "" when it can
}

// onStage has the play played and cleared away. It gives what this host lacks for it,
// or what went wrong.
func onStage(say func(string, ...any), play func(*stage)) (lacking string, err error) {
	s := &stage{say: say}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.clear()
		play(s)
	}()
	<-done
	return s.lacking, errors.Join(s.errs...)
}

// clear runs what Cleanup got, the last first, also behind one that fails.
func (s *stage) clear() {
	if len(s.cleanups) == 0 {
		return
	}
	last := s.cleanups[len(s.cleanups)-1]
	s.cleanups = s.cleanups[:len(s.cleanups)-1]
	defer s.clear()
	last()
}

func (s *stage) Helper()                         {}
func (s *stage) Cleanup(f func())                { s.cleanups = append(s.cleanups, f) }
func (s *stage) Failed() bool                    { return len(s.errs) > 0 }
func (s *stage) Logf(format string, args ...any) { s.say(format, args...) }
func (s *stage) Error(args ...any)               { s.errs = append(s.errs, errors.New(fmt.Sprint(args...))) }

func (s *stage) Fatal(args ...any) {
	s.Error(args...)
	runtime.Goexit()
}

func (s *stage) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

func (s *stage) Skipf(format string, args ...any) {
	s.lacking = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
