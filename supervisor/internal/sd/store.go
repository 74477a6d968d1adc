package sd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Store gives systemd a copy of a descriptor to keep over a restart of the
// service (FileDescriptorStoreMax=, sd_notify(3)). It comes back with the
// sockets, under the name; see Sockets.Stored. systemd drops by itself what the
// other end closes. The error says that it was not sent; what is beyond the
// store's size is closed by systemd without a word.
func (n *Notifier) Store(ctx context.Context, name string, fd int) error {
	if n == nil {
		return fmt.Errorf("cannot store a descriptor: %w", os.ErrInvalid)
	}
	for {
		n.mu.Lock()
		n.flushLocked()
		err := n.sendLocked("FDSTORE=1\nFDNAME="+name, unix.UnixRights(fd))
		n.unlock()
		if err == nil {
			return nil
		}
		if !busy(err) {
			return fmt.Errorf("cannot store a descriptor: %w", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(storeRetry):
		}
	}
}

// storeRetry is how long systemd gets to read what it has, before the next try.
const storeRetry = time.Millisecond

// Forget has systemd close what it keeps under a name. It keeps what it has
// passed to a service, so who has taken it says so.
func (n *Notifier) Forget(name string) { n.tell("FDSTOREREMOVE=1\nFDNAME=" + name) }

// StoredNames are the names that descriptors were stored under which are name, or begin
// with it and a dot, sorted.
func (s *Sockets) StoredNames(name string) []string {
	var names []string
	for n := range s.byName {
		if n == name || strings.HasPrefix(n, name+".") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// Stored takes the descriptors that an earlier process of the service had stored
// under a name; there may be none. The caller owns them.
func (s *Sockets) Stored(name string) []int {
	fds := s.byName[name]
	delete(s.byName, name)
	return fds
}
