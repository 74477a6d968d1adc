package front

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// openDirectory is a directory that is open, for any number of requests.
type openDirectory struct {
	fd            int
	device, inode uint64
	users         int // guarded by kept.mu; kept itself is one while it has it
}

// keptFor is how long a directory stays open after a request, at least; at most it is
// twice that. While it is open its file system cannot be unmounted.
const keptFor = time.Second

// seenWithin is the time within which a directory that has been put in the place of
// another is seen: where a path leads takes a fourteenth of the time of a request for 4 KiB
// to find out. What becomes of the files in it is seen at once.
const seenWithin = time.Millisecond

// kept is the directory of a tree, which stays open between requests that follow one
// another. It is of use as long as the path leads to it: while it is open its inode is not
// given to another.
type kept struct {
	mu    sync.Mutex
	dir   *openDirectory // nil for none
	seen  time.Time      // the path led to dir then, or later
	used  bool           // since the last look of closing
	timer *time.Timer    // calls closing while there is dir; nil before the first one
}

// open gives the directory at a path, which release gives back.
func (k *kept) open(path string) (*openDirectory, error) {
	now := time.Now()
	dir := k.take(func() bool { return now.Sub(k.seen) < seenWithin })
	if dir != nil {
		return dir, nil
	}
	var there unix.Stat_t
	if err := unix.Stat(path, &there); err != nil {
		return nil, err
	}
	dir = k.take(func() bool {
		if k.dir.device != there.Dev || k.dir.inode != there.Ino {
			return false
		}
		k.seen = now // before the look, that is
		return true
	})
	if dir != nil {
		return dir, nil
	}
	return k.openAnew(path)
}

// take is the directory that is open, if it is good.
func (k *kept) take(good func() bool) *openDirectory {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == nil || !good() {
		return nil
	}
	k.used = true
	k.dir.users++
	return k.dir
}

func (k *kept) openAnew(path string) (*openDirectory, error) {
	now := time.Now()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	// Of what is open: the path may lead elsewhere than a moment ago.
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	dir := &openDirectory{fd: fd, device: stat.Dev, inode: stat.Ino, users: 2}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.dir != nil:
		k.releaseLocked(k.dir)
	case k.timer == nil:
		k.timer = time.AfterFunc(keptFor, k.closing)
	default:
		k.timer.Reset(keptFor)
	}
	k.dir, k.seen, k.used = dir, now, true
	return dir, nil
}

// renew is open for a directory that is of no use any more, which it releases unless that
// fails.
func (k *kept) renew(stale *openDirectory, path string) (*openDirectory, error) {
	dir, err := k.openAnew(path)
	if err == nil {
		k.release(stale)
	}
	return dir, err
}

func (k *kept) release(dir *openDirectory) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.releaseLocked(dir)
}

func (k *kept) releaseLocked(dir *openDirectory) {
	if dir.users--; dir.users == 0 {
		_ = unix.Close(dir.fd)
	}
}

// closing closes the directory unless there was a request since it was called last.
func (k *kept) closing() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used {
		k.used = false
		k.timer.Reset(keptFor)
		return
	}
	k.releaseLocked(k.dir)
	k.dir = nil
}
