package leader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units/site"
)

// Service is a leader that systemd starts, with the slot's socket.
type Service struct {
	// ConfigDirectory has the site's file. The leader reads it itself, as its own
	// user: a front end that was taken over must not choose what that user runs.
	ConfigDirectory string
	// Site and Group are names.
	Site, Group string
	// Software is the value of SERVER_SOFTWARE; "" means "wsgid".
	Software string
	Logger   *slog.Logger
}

// socketName is FileDescriptorName= of the slots' socket units.
const socketName = "leader"

// barrierTime is how long systemd has at the end to read what it was told last.
const barrierTime = time.Second

// Serve runs the leader until systemd, a supervisor, or the want of one ends it.
// The end of ctx is the wish to end; a signal after that ends it at once.
func Serve(ctx context.Context, s Service) error {
	IgnoreSignals()
	log := s.Logger.With("site", s.Site, "group", s.Group)
	sockets, err := sd.TakeSockets(os.Getenv, os.Unsetenv)
	if err != nil {
		return err
	}
	listener, err := sockets.UnixListener(socketName)
	if err != nil {
		return fmt.Errorf("%w\nhint: this command is for systemd, which starts it when the supervisor connects to a slot of the group "+
			"(unit wsgi-%s:%s@.socket): systemctl start wsgi@%s; without systemd: wsgid run", err, s.Site, s.Group, s.Site)
	}
	for _, name := range sockets.Discard() {
		log.Warn("systemd has passed a socket that has no use here", "name", name)
	}
	notify, err := sd.NewNotifier(os.Getenv, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer notify.Close()
	l, err := s.leader(Options{Listener: listener, Notifier: notify})
	if err != nil {
		notify.Status(err.Error())
		err = errors.Join(err, listener.Close())
	} else {
		l.HurryOnSignal(ctx)
		err = l.Run(ctx)
	}
	// systemd ignores what a process said that has ended before it looks. Whether
	// it has looked changes nothing.
	end, cancel := context.WithTimeout(context.Background(), barrierTime)
	defer cancel()
	_ = notify.Barrier(end)
	return err
}

// leader makes the leader of a service.
func (s Service) leader(o Options) (*Leader, error) {
	var err error
	if o.Site, err = s.load(); err != nil {
		return nil, err
	}
	if o.Group = o.Site.Group(s.Group); o.Group == nil {
		return nil, fmt.Errorf("cannot lead group %s: %s has no [group.%s]\nhint: systemctl daemon-reload", s.Group, o.Site.Path, s.Group)
	}
	if o.Watchdog, err = sd.WatchdogInterval(os.Getenv); err != nil {
		return nil, err
	}
	o.Software, o.Logger = s.Software, s.Logger
	return New(o)
}

// load reads the site's file.
func (s Service) load() (*site.Site, error) {
	loaded, err := site.Load(filepath.Join(s.ConfigDirectory, s.Site+".toml"))
	var path *fs.PathError
	if errors.Is(err, fs.ErrPermission) && errors.As(err, &path) {
		return nil, fmt.Errorf("%w (as user %s)\nhint: the processes' own user reads the site file: chmod a+r %s, or chgrp it to a group of that user; "+
			"secrets belong into a file named by env-file, which systemd reads as root", err, ownName(), path.Path)
	}
	return loaded, err
}

// ownName is the user that the leader runs as.
func ownName() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// IgnoreSignals makes this process immune to signals that are meant for others:
// `systemctl kill` without --kill-whom reaches every process of a unit.
func IgnoreSignals() { signal.Ignore(unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2) }

// HurryOnSignal has SIGTERM or SIGINT, after ctx has ended, end the leader at
// once. It does not wait.
func (l *Leader) HurryOnSignal(ctx context.Context) {
	go func() {
		select {
		case <-ctx.Done():
		case <-l.done:
			return
		}
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(again)
		select {
		case <-again:
			l.Hurry()
		case <-l.done:
		}
	}()
}
