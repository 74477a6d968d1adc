package leader

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// refusedEvery is how often a user that is not let in is logged at most.
const refusedEvery = time.Minute

// acceptPause is the time before another try when accept fails, which it does
// for want of descriptors.
const acceptPause = 100 * time.Millisecond

// acceptAll lets supervisors in until the listener is closed.
func (l *Leader) acceptAll() {
	listener := l.options.Listener
	d := door{path: listener.Addr().String(), own: uint32(os.Geteuid()), log: l.logger, refused: map[uint32]time.Time{}}
	failing := false
	for {
		conn, err := listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if !failing {
				l.logger().Error("cannot accept a connection of the supervisor", "err", err)
			}
			failing = true
			time.Sleep(acceptPause)
			continue
		}
		failing = false
		if d.admits(conn) {
			l.post(event{kind: connected, session: newSession(conn)})
		} else {
			conn.Close()
		}
	}
}

// door decides who is let in: the user that the socket's file belongs to, which
// systemd has made the supervisor's (SocketUser=), the leader's own user, and
// root. The file's mode says the same; this is a second lock.
type door struct {
	path    string
	own     uint32
	log     func() *slog.Logger
	refused map[uint32]time.Time // when it was logged
}

func (d *door) admits(conn *net.UnixConn) bool {
	uid, err := peerUID(conn)
	if err != nil {
		d.log().Error("cannot see who has connected to the leader", "err", err)
		return false
	}
	if uid == 0 || uid == d.own {
		return true
	}
	err = d.checkOwner(uid)
	if err != nil && time.Since(d.refused[uid]) >= refusedEvery {
		if len(d.refused) > 1000 {
			clear(d.refused)
		}
		d.refused[uid] = time.Now()
		d.log().Warn("refused a connection to the leader", "uid", uid, "socket", d.path, "err", err)
	}
	return err == nil
}

// unmapped is how the kernel shows every user that a user namespace does not
// know (/proc/sys/kernel/overflowuid), with PrivateUsers= most of them.
const unmapped = 65534

func (d *door) checkOwner(uid uint32) error {
	info, err := os.Stat(d.path)
	if err != nil {
		return fmt.Errorf("cannot see whose the socket is: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	switch {
	case uid != owner:
		return fmt.Errorf("the socket belongs to user %d", owner)
	case uid == unmapped && info.Mode().Perm()&0o077 != 0:
		return errors.New("users cannot be told apart here, and the socket's mode lets others in")
	}
	return nil
}

// peerUID is the user that made the connection.
func peerUID(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var optErr error
	err = raw.Control(func(fd uintptr) {
		credentials, optErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, optErr); err != nil {
		return 0, fmt.Errorf("cannot read SO_PEERCRED: %w", err)
	}
	return credentials.Uid, nil
}
