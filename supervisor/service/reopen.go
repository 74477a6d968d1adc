package service

import (
	"context"
	"errors"

	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// askReopen opens the log files by their names again. It takes no time, so the
// answer always comes when it is done: when nothing is written any more to the
// files that were open before, also by a supervisor that finishes its requests.
func (s *service) askReopen(ctx context.Context, _ control.Request) (string, error) {
	err := errors.Join(s.app.Reopen(), s.reopenBefore(ctx))
	if err != nil {
		s.log.Error("cannot reopen every log file; the old one is used on", "err", err)
	}
	return "", err
}

// reopenBefore does that for the supervisor that this one took over from.
func (s *service) reopenBefore(ctx context.Context) error {
	select {
	case <-s.led: // before that it waits for something else
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.predecessor == nil {
		return nil
	}
	s.reopening.Lock()
	defer s.reopening.Unlock()
	select {
	case <-s.reopened: // for somebody who did not wait
	default:
	}
	if s.predecessor.Send(wire.Message{Type: reopen}) != nil {
		return nil // it has ended
	}
	select {
	case reason := <-s.reopened:
		if reason != "" {
			return errors.New("the supervisor before this one: " + reason)
		}
		return nil
	case <-s.alone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hearReopened takes that supervisor's answer.
func (s *service) hearReopened(reason string) {
	select {
	case s.reopened <- reason:
	default: // nobody has waited for the one before
	}
}

// obeySuccessor does what the supervisor that took over asks for while this one
// finishes its requests.
func (s *service) obeySuccessor(successor *wire.Conn) {
	defer successor.Discard()
	for {
		m, err := successor.Receive()
		if err != nil {
			return
		}
		wire.CloseAll(m.Descriptors)
		if m.Type == hurry {
			s.app.Hurry()
		}
		if m.Type != reopen {
			continue
		}
		answer := wire.Message{Type: reopened}
		if err := s.app.Reopen(); err != nil {
			answer.Text = err.Error()
		}
		if successor.Send(answer) != nil {
			return
		}
	}
}
