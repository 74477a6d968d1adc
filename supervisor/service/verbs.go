package service

import (
	"context"
	"errors"
	"os"

	"github.com/wsgid/wsgid/supervisor/control"
)

// verbs are what the control socket takes.
func (s *service) verbs() map[string]control.Verb {
	return map[string]control.Verb{
		"reload":   s.askReload,
		"reopen":   s.askReopen,
		"upgrade":  s.askUpgrade,
		"rollback": s.askRollback,
		"drain":    s.askDrain(true),
		"undrain":  s.askDrain(false),
		"status":   func(context.Context, control.Request) (string, error) { return s.app.Status(), nil },
	}
}

// askReload reloads, and says what came of it if the client waits.
func (s *service) askReload(ctx context.Context, r control.Request) (string, error) {
	if !r.Wait {
		s.background.Go(func() { _ = s.reload(ctx) }) // logs what comes of it
		return "reload begun; systemctl status and the journal say what comes of it", nil
	}
	if err := s.reload(ctx); err != nil {
		return "", err
	}
	return s.app.Status(), nil
}

// reload brings up new generations.
func (s *service) reload(ctx context.Context) error {
	return s.changing(ctx, func() error { return s.reloadFile(ctx) })
}

// changing does something that brings up new generations, and says in the log
// and in the status what came of it. One waits for the other.
func (s *service) changing(ctx context.Context, do func() error) error {
	s.change.Lock()
	defer s.change.Unlock()
	select {
	case <-s.handedOver:
		return errors.New("another supervisor has taken over meanwhile; ask again")
	default:
	}
	s.showState(control.Reloading)
	defer func() { s.showState(s.state()) }()
	s.notify.Reloading()
	s.notify.Status("bringing up new generations")
	stop := s.keepExtending()
	err := do()
	stop()
	text := s.app.Status()
	if err != nil {
		text = "reload failed, the old generation serves on: " + err.Error()
		if bus := s.bus.Load(); bus != nil {
			bus.ReloadFailed("", err.Error())
		}
		s.log.Error("reload failed; the old generation serves on\n" + err.Error())
	} else {
		s.log.Info("reloaded")
	}
	// Always: without it the unit stays "reloading" for ever (systemd 253 to 258).
	s.notify.Ready(text)
	return err
}

// reloadFile brings up what the site file says now, in a new supervisor if there
// is another program now. Its error leaves everything as it was.
func (s *service) reloadFile(ctx context.Context) error {
	s.hurryPredecessor()
	select {
	case <-s.alone: // the supervisor before this one may still need the other slots
	case <-ctx.Done():
		return ctx.Err()
	}
	if program, replaced := programReplaced(); replaced {
		s.log.Info("the program was replaced; handing over to a supervisor of the new one", "program", program)
		return s.handOver(ctx, program)
	}
	next, err := s.load()
	if err != nil {
		return err
	}
	return s.app.Reload(ctx, next)
}

// askUpgrade hands over to a new supervisor, also of the same program.
func (s *service) askUpgrade(ctx context.Context, _ control.Request) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	return "", s.changing(ctx, func() error {
		s.hurryPredecessor()
		select {
		case <-s.alone:
			return s.handOver(ctx, program)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// askRollback goes back to the releases before the present ones.
func (s *service) askRollback(ctx context.Context, _ control.Request) (string, error) {
	if err := s.changing(ctx, func() error { return s.app.Rollback(ctx) }); err != nil {
		return "", err
	}
	return s.app.Status(), nil
}

// askDrain has a balancer move its traffic elsewhere, or come back.
func (s *service) askDrain(on bool) control.Verb {
	return func(context.Context, control.Request) (string, error) {
		s.app.SetDraining(on)
		s.showState(s.state())
		s.log.Info("drain asked for", "on", on)
		return "", nil
	}
}
