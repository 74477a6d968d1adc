package boot

import (
	"errors"
	"fmt"
	"runtime"
)

// Stage is the [T] of a program that is no test. It belongs to the goroutine that
// OnStage starts, and Fatal ends that one.
type Stage struct {
	say      func(format string, args ...any)
	cleanups []func()
	errs     []error
	lacking  string // why a machine cannot be had here; "" when it can
}

// OnStage has the play played and cleared away. It gives what this host lacks for it,
// or what went wrong. say gets what the play logs.
func OnStage(say func(format string, args ...any), play func(*Stage)) (lacking string, err error) {
	s := &Stage{say: say}
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
func (s *Stage) clear() {
	if len(s.cleanups) == 0 {
		return
	}
	last := s.cleanups[len(s.cleanups)-1]
	s.cleanups = s.cleanups[:len(s.cleanups)-1]
	defer s.clear()
	last()
}

func (s *Stage) Helper()                         {}
func (s *Stage) Cleanup(f func())                { s.cleanups = append(s.cleanups, f) }
func (s *Stage) Failed() bool                    { return len(s.errs) > 0 }
func (s *Stage) Logf(format string, args ...any) { s.say(format, args...) }
func (s *Stage) Error(args ...any)               { s.errs = append(s.errs, errors.New(fmt.Sprint(args...))) }

func (s *Stage) Fatal(args ...any) {
	s.Error(args...)
	runtime.Goexit()
}

func (s *Stage) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

func (s *Stage) Skipf(format string, args ...any) {
	s.lacking = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
