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

// kept is the directory of a tree, which stays open between requests that follow one
// another. Every request looks at where the path leads now, and to none but that is a
// descriptor any good: one that is open keeps its inode from being given to another.
type kept struct {
	mu    sync.Mutex
	dir   *openDirectory // nil for none
	used  bool           // since the last look of closing
	timer *time.Timer    // calls closing while there is dir; nil before the first one
}

// open gives the directory at a path, which release gives back.
func (k *kept) open(path string) (*openDirectory, error) {
	var now unix.Stat_t
	if err := unix.Stat(path, &now); err != nil {
		return nil, err
	}
	if dir := k.take(now.Dev, now.Ino); dir != nil {
		return dir, nil
	}
	return k.openAnew(path)
}

// take is the directory that is open, if it is this one.
func (k *kept) take(device, inode uint64) *openDirectory {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == nil || k.dir.device != device || k.dir.inode != inode {
		return nil
	}
	k.used = true
	k.dir.users++
	return k.dir
}

func (k *kept) openAnew(path string) (*openDirectory, error) {
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
	k.dir, k.used = dir, true
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
