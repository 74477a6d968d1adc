package boot

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// treeWithin bounds the making of a tree: half a minute from a near mirror.
const treeWithin = 10 * time.Minute

// packages are what every tree has beyond the essential ones: a system that boots,
// users' own managers, an interpreter with Flask and Django, and what cases drive and
// look at; rpm for the package of other distributions, strace for what programs open.
func packages() []string {
	return []string{
		"systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd",
		"python3", "python3-venv", "python3-flask", "python3-django", "nginx-light", "apache2", "haproxy", "logrotate",
		"curl", "procps", "iproute2", "util-linux",
		"rpm", "strace",
	}
}

// finish counts what makeTree does to a tree after mmdebstrap: one more for each
// change, so that trees of before are not taken.
const finish = "1"

// Hooks of mmdebstrap; $1 is the tree.
const (
	mergeUsr = `for dir in bin sbin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done`

	// A case starts servers itself, and nothing is to wake up in the middle of one.
	quiet = `rm -f "$1"/etc/systemd/system/timers.target.wants/* ` +
		`"$1"/etc/systemd/system/multi-user.target.wants/nginx.service ` +
		`"$1"/etc/systemd/system/multi-user.target.wants/apache2.service ` +
		`"$1"/etc/systemd/system/multi-user.target.wants/apache-htcacheclean.service ` +
		`"$1"/etc/systemd/system/multi-user.target.wants/haproxy.service ` +
		`"$1"/etc/systemd/system/multi-user.target.wants/e2scrub_reap.service`

	people = `for name in joe jane; do chroot "$1" useradd --create-home --shell /bin/bash "$name"; done`
)

// recipe is how a release's tree is made, but for where from: what names the tree in
// the cache.
func recipe(release Release) []string {
	args := []string{
		"--mode=root", "--variant=minbase", "--format=directory",
		"--include=" + strings.Join(packages(), ","),
	}
	for _, part := range []string{"doc", "man", "locale", "info"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+part+"/*")
	}
	if release.mergeUsr {
		args = append(args, "--setup-hook="+mergeUsr)
	}
	return append(args, "--customize-hook="+quiet, "--customize-hook="+people, release.Name)
}

// tree gives the directory of the release's Debian tree. It is made when the cache
// lacks it; other test runs that want the same one wait.
func tree(ctx context.Context, release Release, logf func(string, ...any)) (string, error) {
	cache, err := cacheDirectory()
	if err != nil {
		return "", err
	}
	args := recipe(release)
	sum := sha256.Sum256([]byte(finish + "\x00" + strings.Join(args, "\x00")))
	dir := filepath.Join(cache, release.Name+"-"+hex.EncodeToString(sum[:6]))
	lock, err := locked(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	begin := time.Now()
	if err := makeTree(ctx, release, args, dir, lock); err != nil {
		return "", err
	}
	logf("made %s in %v", dir, time.Since(begin).Round(time.Second))
	return dir, nil
}

// cacheDirectory is outside the repository: a tree belongs to root and has no place
// among sources.
func cacheDirectory() (string, error) {
	dir := os.Getenv(cacheVariable)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("cannot find the cache directory: %w\nhint: set %s", err, cacheVariable)
		}
		dir = filepath.Join(base, "wsgid", "boot")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func locked(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return file, nil
}

// makeTree builds beside dir and renames: dir is there only when it is whole.
// mmdebstrap inherits the lock, so that it is held as long as anything writes there,
// even after the tests have been killed.
func makeTree(ctx context.Context, release Release, args []string, dir string, lock *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, treeWithin)
	defer cancel()
	address, err := mirror(ctx)
	if err != nil {
		return err
	}
	if err := reach(ctx, address, release); err != nil {
		return err
	}
	network, err := aptNetwork(ctx)
	if err != nil {
		return err
	}
	unfinished := dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	var command []string
	for _, line := range network {
		command = append(command, "--aptopt="+line)
	}
	command = append(append(command, args...), unfinished, fmt.Sprintf("deb %s %s main", address, release.Name))
	cmd := exec.CommandContext(ctx, "mmdebstrap", command...)
	cmd.ExtraFiles = []*os.File{lock}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot make a tree of %s: %w\n%s", release.Name, err, tail(output.String(), 40))
	}
	if err := nameMachine(unfinished, release.Name); err != nil {
		return err
	}
	return os.Rename(unfinished, dir)
}

// nameMachine gives the tree a host name, where mmdebstrap leaves this host's, and a
// machine id, which it removes: without one systemd takes every boot for the first and
// applies the presets.
func nameMachine(dir, name string) error {
	var id [16]byte
	rand.Read(id[:])
	etc := filepath.Join(dir, "etc")
	return errors.Join(
		os.WriteFile(filepath.Join(etc, "hostname"), []byte(name+"\n"), 0o644),
		os.WriteFile(filepath.Join(etc, "machine-id"), []byte(hex.EncodeToString(id[:])+"\n"), 0o444),
	)
}

// tail is the last lines of text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
