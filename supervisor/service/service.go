package service

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// Directories are where the files of sites are.
type Directories struct {
	Config  string // SITE.toml
	Runtime string // SITE.sock, SITE/ and the sockets of the groups
}

// SiteFile is a site's file.
func (d Directories) SiteFile(name string) string { return filepath.Join(d.Config, name+".toml") }

// Control is the control socket of a site's supervisor.
func (d Directories) Control(name string) string {
	return filepath.Join(d.private(name), control.SocketName)
}

// private is what a site's supervisor has for itself and for the next one.
func (d Directories) private(name string) string { return filepath.Join(d.Runtime, name) }

// Options say what is served.
type Options struct {
	Directories
	// Site is the site's name.
	Site string
	// Software is the value of the Server field and of SERVER_SOFTWARE.
	Software string
	// Check refuses a site that systemd cannot serve; nil refuses none. runtime is the
	// directory that %t stands for, user is for a user's own systemd.
	Check  func(s *site.Site, runtime string, user bool) error
	Logger *slog.Logger
}

// service is a supervisor under systemd.
type service struct {
	Options
	log     *slog.Logger
	notify  *sd.Notifier // nil until systemd listens to this process
	app     *supervisor.App
	control *control.Server
	sockets []net.Listener
	clients []handedOver  // connections that an earlier supervisor has stored
	changed chan struct{} // capacity 1: the status has something new

	successor   *wire.Conn    // to the supervisor that took over
	handedOver  chan struct{} // closed when there is one
	ending      atomic.Bool   // the App is being stopped
	follows     atomic.Bool   // another supervisor follows this one
	predecessor *wire.Conn    // to the supervisor that this one took over from; nil if none
	alone       chan struct{} // closed when that one has ended
	led         chan struct{} // closed when this supervisor leads: predecessor stays as it is
	reopening   sync.Mutex    // held while that one is asked to reopen its log files
	reopened    chan string   // capacity 1: its answer

	change     sync.Mutex                  // held while new generations are brought up
	signals    chan os.Signal              // to obey; they wait while the site starts
	bus        atomic.Pointer[control.Bus] // nil until this supervisor leads
	background sync.WaitGroup              // what nobody waits for but the end
}

func newService(o Options) *service {
	s := &service{
		Options: o, log: o.Logger.With("site", o.Site), changed: make(chan struct{}, 1),
		handedOver: make(chan struct{}), alone: make(chan struct{}), signals: make(chan os.Signal, 4),
		led: make(chan struct{}), reopened: make(chan string, 1),
	}
	signal.Notify(s.signals, syscall.SIGHUP, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGUSR2) // `systemctl kill` of the whole unit may send it
	return s
}

// Run serves the site until systemd ends it, or it has been idle for
// idle-timeout. The end of ctx is the wish to end.
func Run(ctx context.Context, o Options) error {
	s := newService(o)
	close(s.alone)
	close(s.led)
	notify, err := sd.NewNotifier(os.Getenv, s.log)
	if err != nil {
		return err
	}
	s.notify = notify
	forgetCertificates()
	if err := s.start(); err != nil {
		pause(ctx, err)
		return errors.Join(err, s.end())
	}
	return s.lead(ctx)
}

// forgetCertificates removes what reloads have brought: systemd has just passed what the
// files say now.
func forgetCertificates() {
	if own := os.Getenv("RUNTIME_DIRECTORY"); own != "" {
		_ = os.RemoveAll(filepath.Join(own, site.TLSDirectory)) // what stays is no older than the last reload
	}
}

// lead serves until the end, and ends.
func (s *service) lead(ctx context.Context) error {
	err := s.serve(ctx)
	select {
	case <-s.handedOver:
	default:
		if ctx.Err() != nil {
			s.chooseEnd()
		}
		s.showState(control.Stopping)
		s.notify.Status("finishing the requests under way")
		s.notify.Stopping()
	}
	return errors.Join(err, s.end())
}

// end stops what runs, after the requests under way; another signal to end cuts
// that short.
func (s *service) end() error {
	hurry, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	stop := s.keepExtending()
	s.ending.Store(true)
	s.hurryPredecessor()
	var errs []error
	if s.app != nil {
		errs = append(errs, s.app.Stop(hurry))
	}
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	if bus := s.bus.Load(); bus != nil {
		bus.Close()
	}
	if s.successor != nil {
		errs = append(errs, s.successor.Close())
	}
	if s.predecessor != nil {
		select {
		case <-s.alone: // systemd kills what is left when the main process ends
		case <-hurry.Done():
			s.predecessor.Close()
		}
	}
	s.background.Wait()
	stop()
	return errors.Join(append(errs, s.notify.Close())...)
}

// handedOver is the connection of a client, with what was known of the client beside.
type handedOver struct {
	fd     int
	client string
}

// clientName is the name of clients' connections in systemd's store, if nothing is known
// of them beside; else a dot and that follow it, in a form that a name can have.
const clientName = "client"

// storedName is the name in systemd's store.
func storedName(client string) string {
	if client == "" {
		return clientName
	}
	return clientName + "." + base64.RawURLEncoding.EncodeToString([]byte(client))
}

// storedClient is what storedName was made from.
func storedClient(name string) (client string, err error) {
	text, found := strings.CutPrefix(name, clientName+".")
	if !found {
		return "", nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	return string(decoded), err
}

// store keeps a client's connection for the supervisor that follows.
func (s *service) store(fd int, client string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return s.notify.Store(ctx, storedName(client), fd)
}

// start starts the App on systemd's sockets.
func (s *service) start() (err error) {
	if s.sockets, err = s.listeners(); err != nil {
		return err
	}
	if err := s.makeApp(nil); err != nil {
		return err
	}
	if err := s.app.Start(); err != nil {
		return err
	}
	return s.listenForVerbs()
}

// makeApp loads the site file and makes the App. beside has where the leaders of
// a supervisor are that serves still; nil when there is none.
func (s *service) makeApp(beside map[string]supervisor.Place) error {
	file, err := s.load()
	if err != nil {
		return err
	}
	s.warnOfAddresses(file)
	launcher := &supervisor.Sockets{
		Prefix: func(group string) string { return file.SlotPrefix(s.Runtime, group) },
		Site:   s.Site,
	}
	if os.Getuid() == 0 || !sd.UnderUserManager() {
		launcher.DefaultUser = site.DefaultUser
	}
	s.app, err = supervisor.New(supervisor.Options{
		Site: file, Listeners: s.sockets, Launcher: launcher, Software: s.Software, Logger: s.Logger,
		SocketNames: s.private(s.Site), SocketPath: launcher.Path,
		Beside: beside, StateFile: filepath.Join(s.private(s.Site), "state.json"),
		CheckUser: launcher.CheckUser, Unit: launcher.Unit, Changed: s.poke, Happened: s.tell, SlotBusy: s.hurryPredecessor,
	})
	return err
}

// listeners are the sockets that wsgi@SITE.socket has opened.
func (s *service) listeners() ([]net.Listener, error) {
	sockets, err := sd.TakeSockets(os.Getenv, os.Unsetenv)
	if err != nil {
		return nil, err
	}
	listeners, err := sockets.Listeners("http")
	if err != nil {
		return nil, fmt.Errorf("%w\nhint: this command is for systemd's units: systemctl start wsgi@%s, or wsgid run --config %s", err, s.Site, s.SiteFile(s.Site))
	}
	for _, name := range sockets.StoredNames(clientName) {
		client, err := storedClient(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read the name %s of a stored connection: %w", name, err)
		}
		for _, fd := range sockets.Stored(name) {
			s.clients = append(s.clients, handedOver{fd: fd, client: client})
		}
	}
	for _, name := range sockets.Discard() {
		s.log.Warn("systemd has passed a socket that has no use here", "name", name)
	}
	return listeners, nil
}

// adoptStored serves the connections that an earlier supervisor has left.
func (s *service) adoptStored() {
	forgotten := map[string]bool{}
	for _, c := range s.clients {
		if name := storedName(c.client); !forgotten[name] {
			forgotten[name] = true
			s.notify.Forget(name)
		}
		s.app.Adopt(c.fd, c.client)
	}
	s.clients = nil
}

// serve says READY=1 once a request would be answered, and waits for the end.
func (s *service) serve(ctx context.Context) error {
	stop := s.keepExtending()
	s.notify.Status("importing the applications")
	err := s.app.WaitReady(ctx)
	stop()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		s.log.Error("serving, but not everything: requests get 503 where the application cannot be started\n" + err.Error())
	}
	s.adoptStored()
	s.notify.Ready(s.app.Status())
	s.joinBus()
	interval, err := sd.WatchdogInterval(os.Getenv)
	if err != nil {
		return err
	}
	background, end := context.WithCancel(ctx)
	defer end()
	s.background.Go(func() { s.reportStatus(background) })
	s.background.Go(func() { s.feedWatchdog(background, interval) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.app.Failed():
			return err
		case <-s.handedOver:
			return nil
		case <-s.app.Idle():
			s.log.Info("idle-timeout: the site ends until the next connection")
			return nil
		case caught := <-s.signals:
			s.background.Go(func() { s.obey(background, caught) })
		}
	}
}

// obey does what a signal asks for, as other servers do; what comes of it is
// logged.
func (s *service) obey(ctx context.Context, caught os.Signal) {
	if caught == syscall.SIGHUP {
		_ = s.reload(ctx)
		return
	}
	_, _ = s.askReopen(ctx, control.Request{})
}

// chooseEnd looks whether another supervisor follows this one; then the leaders
// and their processes stay for it.
func (s *service) chooseEnd() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	job, err := sd.Job(ctx)
	switch {
	case err != nil:
		s.log.Warn("leaving the processes for another supervisor, for orphan-timeout, because it is not known whether one follows", "err", err)
		s.app.Follow(nil)
	case job == "restart":
		s.follows.Store(true)
		s.app.Follow(s.store)
	}
}
