package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// LaunchSuccessor starts this program as a supervisor that takes over from
// another one, and leaves it alone; arguments are those of its command line. It
// is for the process between the two, which ends then.
func LaunchSuccessor(arguments []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	connection := os.NewFile(handOverFD, "hand-over")
	defer connection.Close()
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{connection}
	if err := command.Start(); err != nil {
		return fmt.Errorf("cannot start a supervisor: %w", err)
	}
	return command.Process.Release()
}

// Succeed is Run for a supervisor that takes over from one that serves.
func Succeed(ctx context.Context, o Options) error {
	s := newService(o)
	conn, err := predecessor()
	if err != nil {
		return err
	}
	s.predecessor = wire.NewConn(conn)
	if err := s.takeOver(ctx); err != nil {
		_ = s.predecessor.Send(wire.Message{Type: failed, Text: err.Error()}) // it logs it
		return s.giveUp(err)
	}
	if err := s.beginToLead(); err != nil {
		return s.giveUp(err)
	}
	close(s.led)
	return s.lead(ctx)
}

// giveUp ends everything before this supervisor has come to lead.
func (s *service) giveUp(err error) error {
	conn := s.predecessor
	s.predecessor = nil
	return errors.Join(err, conn.Close(), s.end())
}

func predecessor() (*net.UnixConn, error) {
	file := os.NewFile(handOverFD, "hand-over")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("cannot use the connection to the supervisor that serves: %w", err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("the connection to the supervisor that serves is no UNIX socket"), conn.Close())
	}
	return unix, nil
}

// takeOver brings up generations beside those that serve.
func (s *service) takeOver(ctx context.Context) error {
	m, err := s.predecessor.Receive()
	if err != nil {
		return fmt.Errorf("the supervisor that serves has ended: %w", err)
	}
	if m.Type != take || m.Version != wire.LinkVersion {
		wire.CloseAll(m.Descriptors)
		return fmt.Errorf("cannot take over: the supervisor that serves speaks another version of the link (%d, not %d); restart the site", m.Version, wire.LinkVersion)
	}
	places := map[string]supervisor.Place{}
	if err := json.Unmarshal([]byte(m.Text), &places); err != nil {
		wire.CloseAll(m.Descriptors)
		return fmt.Errorf("cannot take over: %w", err)
	}
	if s.sockets, err = listenersOf(m.Descriptors); err != nil {
		return err
	}
	if err := s.makeApp(places); err != nil {
		return err
	}
	s.app.StartGroups()
	return s.app.WaitReady(ctx)
}

// listenersOf makes listeners of passed sockets, which it closes.
func listenersOf(fds []int) (listeners []net.Listener, err error) {
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "listening socket")
		l, err := net.FileListener(file)
		file.Close()
		if err != nil {
			wire.CloseAll(fds[i+1:])
			return listeners, fmt.Errorf("cannot take over a socket: %w", err)
		}
		if l, ok := l.(*net.UnixListener); ok {
			l.SetUnlinkOnClose(false) // the path is systemd's
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// beginToLead serves once systemd takes this process for the main one and the old
// supervisor reads no further request. What this one said to systemd before that
// would be a warning in the journal.
func (s *service) beginToLead() error {
	if err := s.predecessor.Send(wire.Message{Type: ready, PID: os.Getpid()}); err != nil {
		return fmt.Errorf("cannot take over: %w", err)
	}
	var early []handedOver // connections that were handed over before the word came
	for {
		m, err := s.predecessor.Receive()
		if err != nil {
			for _, c := range early {
				wire.CloseAll([]int{c.fd})
			}
			return fmt.Errorf("cannot take over: the supervisor that serves ended (%w)", err)
		}
		if m.Type == lead {
			break
		}
		for _, fd := range m.Descriptors {
			early = append(early, handedOver{fd: fd, client: m.Text})
		}
	}
	if err := s.app.Serve(); err != nil {
		return err
	}
	// First of all: from lead on their requests wait for this.
	for _, c := range early {
		s.app.Adopt(c.fd, c.client)
	}
	from := s.predecessor
	s.background.Go(func() { s.adoptClients(from) })
	if err := s.listenForVerbs(); err != nil {
		return err
	}
	s.app.KeepState()
	var err error
	s.notify, err = sd.NewNotifier(os.Getenv, s.log)
	return err
}

// hurryPredecessor has the supervisor that this one took over from keep to
// graceful-timeout from now on. Until then it finishes its requests, however long they
// take.
func (s *service) hurryPredecessor() {
	select {
	case <-s.led: // before that it waits for something else
	default:
		return
	}
	if s.predecessor != nil {
		_ = s.predecessor.Send(wire.Message{Type: hurry}) // an error says that it has ended
	}
}

// adoptClients serves the connections that the old supervisor hands over, and
// passes on its answers to reopen, until it has ended. While this one ends as well
// the connections go to the one that follows.
func (s *service) adoptClients(from *wire.Conn) {
	defer close(s.alone)
	for {
		m, err := from.Receive()
		if err != nil {
			from.Discard()
			return
		}
		if m.Type == reopened {
			s.hearReopened(m.Text)
			continue
		}
		if !s.ending.Load() {
			for _, fd := range m.Descriptors {
				s.app.Adopt(fd, m.Text)
			}
			continue
		}
		if s.follows.Load() {
			for _, fd := range m.Descriptors {
				if err := s.store(fd, m.Text); err != nil {
					s.log.Warn("a client's connection did not survive the restart", "err", err)
				}
			}
		}
		wire.CloseAll(m.Descriptors)
	}
}

// listenForVerbs opens the control socket, in the place of any other supervisor's.
func (s *service) listenForVerbs() (err error) {
	if s.control, err = control.Listen(s.Control(s.Site), s.verbs(), s.log); err != nil {
		return err
	}
	// Who renamed the log files before now could not ask this supervisor to reopen
	// them, which has written nothing yet. The log says what cannot be opened.
	_ = s.app.Reopen()
	return nil
}
