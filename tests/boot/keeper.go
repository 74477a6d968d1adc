package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// keeperVariable makes this program a keeper; its value is a keeperSettings in JSON.
const keeperVariable = "WSGID_BOOT_KEEPER"

// keeperReport is the descriptor that a keeper writes its report to: a line "ready",
// or one that says what failed.
const keeperReport = 3

// Places in the keeper's mount namespace.
const (
	cgroupRoot = "/sys/fs/cgroup"
	layers     = "/run/wsgid-boot"
	rootDir    = layers + "/root"
)

// endWithin bounds how long killed processes may take to be gone.
const endWithin = 30 * time.Second

type keeperSettings struct {
	Tree   string // the lower layer of the machine's file system
	Cgroup string // the name of the machine's cgroup
}

// keep is the keeper process of one machine. Its mount namespace holds the machine's
// file system and a view of cgroup2 alone; its end is the machine's end. It ends when
// its standard input does, which is a pipe from the tests: however they end, killed
// included, the machine goes.
func keep(settings string) int {
	// A report that nobody reads any more must not end the keeper before its work is done.
	signal.Ignore(unix.SIGPIPE)
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	report := os.NewFile(keeperReport, "report")

	var s keeperSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return failed(report, err)
	}
	if err := prepare(s); err != nil {
		return failed(report, errors.Join(err, removeCgroup(s.Cgroup)))
	}
	fmt.Fprintln(report, "ready")
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ends <- unix.SIGTERM
	}()
	<-ends
	if err := removeCgroup(s.Cgroup); err != nil {
		return failed(report, err)
	}
	return 0
}

// Exit statuses of a keeper.
const (
	exitBroken      = 1
	exitUnavailable = 3 // the host does not allow or know what a machine needs
)

func failed(report io.Writer, err error) int {
	fmt.Fprintln(report, strings.ReplaceAll(err.Error(), "\n", "; "))
	for _, lacking := range []error{unix.EPERM, unix.EACCES, unix.ENODEV, unix.ENOSYS, errors.ErrUnsupported} {
		if errors.Is(err, lacking) {
			return exitUnavailable
		}
	}
	return exitBroken
}

// prepare makes the view that systemd-nspawn is to see. The namespace is this
// process's own already, with private propagation.
func prepare(s keeperSettings) error {
	if err := prepareRoot(s.Tree); err != nil {
		return err
	}
	// systemd-nspawn takes a host for unified when cgroup2 itself is mounted here,
	// whatever the host has.
	if err := mount("cgroup2", cgroupRoot, "cgroup2", 0, ""); err != nil {
		return err
	}
	return prepareCgroup(s.Cgroup)
}

// prepareRoot lays a tmpfs over the tree, which stays as it is.
func prepareRoot(tree string) error {
	if err := os.Chdir(tree); err != nil {
		return err
	}
	// On /run, because systemd-nspawn leaves traces there, too.
	if err := mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return err
	}
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.MkdirAll(filepath.Join(layers, name), 0o755); err != nil {
			return err
		}
	}
	// "." is the tree: a colon or a comma in its path would be syntax here.
	options := fmt.Sprintf("lowerdir=.,upperdir=%s/upper,workdir=%s/work", layers, layers)
	if err := mount("overlay", rootDir, "overlay", 0, options); err != nil {
		return err
	}
	return os.Chdir("/")
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("cannot mount %s on %s: %w", kind, target, err)
	}
	return nil
}

func prepareCgroup(name string) error {
	dir := filepath.Join(cgroupRoot, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make a cgroup: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err != nil {
		return fmt.Errorf("no cgroup.kill (it came with Linux 5.14): %w", errors.ErrUnsupported)
	}
	return nil
}

// removeCgroup kills everything in the cgroup, however deep, and removes it.
func removeCgroup(name string) error {
	dir := filepath.Join(cgroupRoot, name)
	if _, err := os.Stat(filepath.Join(dir, "cgroup.events")); errors.Is(err, fs.ErrNotExist) {
		return nil // never made
	}
	if err := killCgroup(dir); err != nil {
		return err
	}
	var below []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			below = append(below, path)
		}
		return err
	})
	for _, path := range slices.Backward(below) {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

func killCgroup(dir string) error {
	kill, err := os.OpenFile(filepath.Join(dir, "cgroup.kill"), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // and so nothing was started
	}
	if err == nil {
		_, err = kill.WriteString("1")
		err = errors.Join(err, kill.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot kill a machine: %w", err)
	}
	return awaitEmpty(filepath.Join(dir, "cgroup.events"))
}

// awaitEmpty waits until no process is in a cgroup or below: a change of its events
// file is an exceptional condition for poll(2) (cgroups(7)).
func awaitEmpty(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	deadline := time.Now().Add(endWithin)
	text := make([]byte, 256)
	for {
		n, err := file.ReadAt(text, 0)
		if err != nil && err != io.EOF {
			return err
		}
		if strings.Contains(string(text[:n]), "populated 0") {
			return nil
		}
		rest := time.Until(deadline)
		if rest <= 0 {
			return errors.New("processes are left in " + filepath.Dir(path) + " after " + strconv.Itoa(int(endWithin.Seconds())) + " s")
		}
		poll := []unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLPRI}}
		if _, err := unix.Poll(poll, int(rest.Milliseconds())+1); err != nil && err != unix.EINTR {
			return err
		}
	}
}
