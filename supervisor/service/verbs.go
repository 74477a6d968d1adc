package service

import (
	"context"

	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/units/site"
)

// verbs are what the control socket takes.
func (s *service) verbs() map[string]control.Verb {
	return map[string]control.Verb{
		"reload": s.askReload,
		"reopen": s.askReopen,
		"status": func(context.Context, control.Request) (string, error) { return s.app.Status(), nil },
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

// reload brings up new generations, and says in the log and in the status what
// came of it.
func (s *service) reload(ctx context.Context) error {
	s.notify.Reloading()
	s.notify.Status("bringing up new generations")
	stop := s.keepExtending()
	err := s.reloadFile(ctx)
	stop()
	text := s.app.Status()
	if err != nil {
		text = "reload failed, the old generation serves on: " + err.Error()
		s.log.Error("reload failed; the old generation serves on\n" + err.Error())
	} else {
		s.log.Info("reloaded")
	}
	// Always: without it the unit stays "reloading" for ever (systemd 253 to 258).
	s.notify.Ready(text)
	return err
}

// reloadFile brings up what the site file says now. Its error leaves everything
// as it was.
func (s *service) reloadFile(ctx context.Context) error {
	next, err := site.Load(s.SiteFile(s.Site))
	if err != nil {
		return err
	}
	return s.app.Reload(ctx, next)
}

// askReopen opens the log files by their names again. It takes no time, so the
// answer always comes when it is done.
func (s *service) askReopen(context.Context, control.Request) (string, error) {
	if err := s.app.Reopen(); err != nil {
		s.log.Error("cannot reopen the log files; the old ones are used on", "err", err)
		return "", err
	}
	return "", nil
}
