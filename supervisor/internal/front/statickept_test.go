package front

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// named makes a directory with one file, and says what is in it.
func named(t *testing.T, dir, text string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "name"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readName is what the file of a directory has in it now.
func readName(t *testing.T, tr tree) string {
	t.Helper()
	dir, err := tr.open()
	if err != nil {
		return err.Error()
	}
	defer dir.close()
	f, err := dir.file("name")
	if err != nil {
		return err.Error()
	}
	defer f.close()
	buffer := make([]byte, 100)
	n, err := unix.Pread(f.fd, buffer, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(buffer[:n]))
}

// TestTreeIsSeen: whatever becomes of the file, the next request sees it, and whatever
// becomes of the directory, one after seenWithin.
func TestTreeIsSeen(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	named(t, at("one"), "one")
	named(t, at("two"), "two")
	must(os.Symlink("one", at("current")))
	tr := newTree(at("current"), false)
	// The time is the one that is promised: a slow machine only makes it longer.
	soon := func(want string) {
		t.Helper()
		time.Sleep(seenWithin)
		for range 2 {
			if got := readName(t, tr); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	soon("one")
	must(os.Symlink("two", at("next")))
	must(os.Rename(at("next"), at("current"))) // as a deployment does it
	soon("two")
	expect := func(want string) {
		t.Helper()
		if got := readName(t, tr); got != want {
			t.Errorf("at once: %q, want %q", got, want)
		}
	}
	must(os.WriteFile(at("two/name"), []byte("written"), 0o644))
	expect("written")
	must(os.WriteFile(at("two/new"), []byte("renamed"), 0o644))
	must(os.Rename(at("two/new"), at("two/name")))
	expect("renamed")
	must(os.Rename(at("two"), at("away")))
	soon(unix.ENOENT.Error())
	named(t, at("two"), "made again")
	soon("made again")
	for i := range 20 { // inodes that are free are used again
		must(os.RemoveAll(at("two")))
		named(t, at("two"), fmt.Sprint(i))
		soon(fmt.Sprint(i))
	}
}

// TestTreeRenewsStale: a network file system that has given the inode to another
// directory is asked again.
func TestTreeRenewsStale(t *testing.T) {
	t.Parallel()
	tr := newTree(named(t, filepath.Join(t.TempDir(), "one"), "one"), false)
	stale := 0
	tr.openat2 = func(dir int, name string, how *unix.OpenHow) (int, error) {
		if stale++; stale == 2 {
			return -1, unix.ESTALE
		}
		return unix.Openat2(dir, name, how)
	}
	for range 3 {
		if got := readName(t, tr); got != "one" {
			t.Error(got)
		}
	}
	tr.kept.mu.Lock()
	defer tr.kept.mu.Unlock()
	if stale != 4 || tr.kept.dir.users != 1 {
		t.Errorf("%d looks, and %d users at the end", stale, tr.kept.dir.users)
	}
}

// TestKeptIsGivenBack: a directory that nobody asks for does not stay open, and one that
// a request has does until the end of that.
func TestKeptIsGivenBack(t *testing.T) {
	t.Parallel()
	path := named(t, filepath.Join(t.TempDir(), "one"), "one")
	synctest.Test(t, func(t *testing.T) {
		k := new(kept)
		first, err := k.open(path)
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.open(path)
		if err != nil || again != first {
			t.Fatalf("%v, %v and %v", err, first, again)
		}
		k.release(again)
		expect := func(what string, dir *openDirectory, users int) {
			t.Helper()
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.dir != dir {
				t.Errorf("%s: kept is %v, want %v", what, k.dir, dir)
			}
			if first.users != users {
				t.Errorf("%s: %d users, want %d", what, first.users, users)
			}
		}
		time.Sleep(keptFor * 5 / 4)
		expect("after a look", first, 2)
		if _, err := k.open(path); err != nil {
			t.Fatal(err)
		}
		k.release(first)
		time.Sleep(keptFor * 5 / 4)
		expect("after a look that has found a request", first, 2)
		time.Sleep(2 * keptFor)
		expect("while a request has it", nil, 1)
		if err := unix.Fstat(first.fd, new(unix.Stat_t)); err != nil {
			t.Errorf("it is closed under a request: %v", err)
		}
		k.release(first)
		expect("at the end", nil, 0)
		next, err := k.open(path)
		if err != nil || next == first {
			t.Fatalf("%v, %v", next, err)
		}
		k.release(next)
		time.Sleep(4 * keptFor)
		expect("long after", nil, 0)
	})
}
