package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

// onApache makes an experiment with Apache and mod_wsgi, started for it.
func (r *run) onApache(ctx context.Context, e *experiment) (facts []string, err error) {
	r.serial++
	dir := filepath.Join(r.dir, fmt.Sprint("app.", r.serial))
	if err := r.writeApp(dir, e.files); err != nil {
		return nil, err
	}
	if r.port, err = peers.FreePort(r.port + 1); err != nil {
		return nil, err
	}
	site := peers.Site{
		Dir: filepath.Join(r.dir, fmt.Sprint("server.", r.serial)), App: filepath.Join(dir, "app.py"), Port: r.port,
		Backlog: peers.Backlog(), Account: r.account, More: e.more, Daemon: e.daemon, Lazy: e.lazy, Drop: e.drop,
	}
	in, err := peers.Start(peers.Apache(), site)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Stop()) }()
	s := apacheSubject(ctx, in)
	if !e.broken && !s.up() {
		return nil, fmt.Errorf("cannot get an answer%s", in.LogTail())
	}
	return e.steps(s), nil
}

// writeApp puts the application and what belongs to it into a directory of their own.
func (r *run) writeApp(dir string, files map[string]string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(appSource), 0o644); err != nil {
		return fmt.Errorf("cannot write application: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("cannot write file: %w", err)
		}
	}
	return nil
}

func apacheSubject(ctx context.Context, in *peers.Instance) *subject {
	master := in.PIDs()[0]
	var dialer net.Dialer
	s := &subject{
		dial: func() (net.Conn, error) { return dialer.DialContext(ctx, "tcp", in.Address()) },
		// apachectl graceful sends this signal and returns.
		reload: func() string {
			if err := syscall.Kill(master, syscall.SIGUSR1); err != nil {
				return err.Error()
			}
			return ""
		},
		touch: func() error {
			now := time.Now()
			return os.Chtimes(in.Site.App, now, now)
		},
		signal: signalHere,
		evict:  func(pid string) error { return signalHere(pid, syscall.SIGUSR1) },
		unlink: func() error {
			sockets, err := filepath.Glob(filepath.Join(in.Site.Dir, "wsgi.*.sock"))
			if err == nil && len(sockets) == 0 {
				err = errors.New("there is no socket")
			}
			for _, socket := range sockets {
				err = errors.Join(err, os.Remove(socket))
			}
			return err
		},
	}
	s.checked = configtest(ctx, in.Site)
	return s
}

// configtest is what `apachectl configtest` says, in a line.
func configtest(ctx context.Context, site peers.Site) string {
	out, err := exec.CommandContext(ctx, "/usr/sbin/apache2", "-t", "-f", filepath.Join(site.Dir, "apache2.conf")).CombinedOutput()
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(out), site.Dir+"/", "")), " ")
	if err != nil && text == "" {
		return err.Error()
	}
	return text
}

func signalHere(pid string, signal syscall.Signal) error {
	n, err := strconv.Atoi(pid)
	if err != nil || n <= 1 {
		return fmt.Errorf("cannot send %v: %q is no process", signal, pid)
	}
	return syscall.Kill(n, signal)
}
