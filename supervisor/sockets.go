package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// Sockets launches leaders by a connection to the socket of their slot, where
// systemd listens and starts them.
type Sockets struct {
	// Prefix is what comes before ".SLOT.sock" in the path of a group's sockets.
	Prefix func(group string) string
	// Site is the site's name.
	Site string
	// DefaultUser runs the groups that name none; "" means whoever runs this
	// program, as in a user's own systemd.
	DefaultUser string
}

// Launch implements Launcher.
func (s *Sockets) Launch(ctx context.Context, group, slot string) (*net.UnixConn, error) {
	path := s.Path(group, slot)
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
		return nil, fmt.Errorf("cannot connect to %s: %w (is wsgi-%s:%s@%s.socket active?)", path, err, s.Site, group, slot)
	}
	if err := checkListener(conn.(*net.UnixConn)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot trust %s: %w", path, err), conn.Close())
	}
	return conn.(*net.UnixConn), nil
}

// Path is the socket of a slot.
func (s *Sockets) Path(group, slot string) string { return s.Prefix(group) + "." + slot + ".sock" }

// checkListener looks who listens at the other end: systemd, which is root or
// runs as this user. The kernel keeps the credentials of whoever called
// listen(2) (unix(7), SO_PEERCRED).
func checkListener(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var credentials *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(controlErr, err); err != nil {
		return err
	}
	if credentials.Uid != 0 && int(credentials.Uid) != os.Getuid() {
		return fmt.Errorf("its listener belongs to user %d", credentials.Uid)
	}
	return nil
}

// Unit is the unit of a slot's leader.
func (s *Sockets) Unit(group, slot string) string {
	return "wsgi-" + s.Site + ":" + group + "@" + slot + ".service"
}

// CheckUser reports an error unless a leader that runs as uid may lead the group.
// A user whom only a directory service knows cannot be looked up here; then the
// listener's credentials are all there is to go by, and root is still refused.
func (s *Sockets) CheckUser(g *site.Group, uid uint32) error {
	name := g.User
	if name == "" {
		name = s.DefaultUser
	}
	if name == "" {
		if int(uid) != os.Getuid() {
			return fmt.Errorf("the leader runs as user %d, not as this one", uid)
		}
		return nil
	}
	if uid == 0 {
		return errors.New("the leader runs as root")
	}
	if number, ok := strings.CutPrefix(name, "#"); ok {
		return checkNumber(number, uid)
	}
	entry, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	if entry.Uid != strconv.FormatUint(uint64(uid), 10) {
		return fmt.Errorf("the leader runs as user %d, and %s is %s", uid, name, entry.Uid)
	}
	return nil
}

// checkNumber is CheckUser for a user who is named by number, as whom the front end
// itself must not be: what runs as that user may connect to every group.
func checkNumber(number string, uid uint32) error {
	switch {
	case number != strconv.FormatUint(uint64(uid), 10):
		return fmt.Errorf("the leader runs as user %d, not as %s", uid, number)
	case int(uid) == os.Getuid():
		return fmt.Errorf("the leader runs as user %d, which is the front end's own", uid)
	}
	return nil
}
