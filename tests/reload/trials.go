package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/peers"
)

// trial is a server with one way to reload it.
type trial struct {
	server string // its name in the table
	how    string // what is done to it

	// machine does it on a booted machine; nil for a server of this host.
	machine func(m *boot.Machine)

	// For a server of this host:
	kind     peers.Kind
	more     string // see peers.Site
	chunked  bool   // it takes uploads without a length
	sameCode bool   // what is done brings no new code
	// reload begins a reload.
	reload func(in *peers.Instance) error
}

func (t *trial) title() string { return t.server + ": " + t.how }

// Indices of the processes of peers.Uwsgi.
const uwsgiMaster, nginxMaster = 0, 1

func trials() []trial {
	return []trial{
		{server: "wsgid", how: "systemctl reload", chunked: true, machine: systemctl("reload")},
		{server: "wsgid", how: "upgrade by systemctl reload", chunked: true, machine: upgrade},
		{server: "wsgid", how: "systemctl restart", chunked: true, sameCode: true, machine: systemctl("restart")},
		{
			server: "Apache, mod_wsgi", how: "graceful", kind: peers.Apache(), chunked: true,
			more: "WSGIChunkedRequest On\nWSGISocketRotation On", reload: signalTo(0, syscall.SIGUSR1),
		},
		{
			server: "Apache, mod_wsgi, WSGISocketRotation Off", how: "graceful", kind: peers.Apache(), chunked: true,
			more: "WSGIChunkedRequest On\nWSGISocketRotation Off", reload: signalTo(0, syscall.SIGUSR1),
		},
		{server: "nginx, uWSGI", how: "SIGHUP to uWSGI", kind: peers.Uwsgi(), reload: signalTo(uwsgiMaster, syscall.SIGHUP)},
		{
			server: "nginx, uWSGI, lazy-apps", how: "chain reload", kind: peers.Uwsgi(),
			more: "lazy-apps = true\nmaster-fifo = fifo", reload: chainReload,
		},
		{
			server: "nginx, uWSGI", how: "nginx's own reload", kind: peers.Uwsgi(), sameCode: true,
			reload: signalTo(nginxMaster, syscall.SIGHUP),
		},
		{server: "uwsgi --http", how: "SIGHUP", kind: peers.UwsgiHTTP(), reload: signalTo(0, syscall.SIGHUP)},
		{server: "gunicorn", how: "SIGHUP", kind: peers.Gunicorn(), chunked: true, reload: signalTo(0, syscall.SIGHUP)},
	}
}

// direct takes the place of what needs a machine. New code is seen when the file changes.
func direct() trial {
	return trial{
		server: "wsgid run --reload", how: "a source file changes", kind: peers.Wsgid(), chunked: true, more: "--reload",
		reload: rewrite,
	}
}

// signalTo sends a signal to one of the processes that were started.
func signalTo(process int, signal syscall.Signal) func(*peers.Instance) error {
	return func(in *peers.Instance) error {
		if err := syscall.Kill(in.PIDs()[process], signal); err != nil {
			return fmt.Errorf("cannot send %v to %s: %w", signal, in.Kind.Name, err)
		}
		return nil
	}
}

// chainReload has uWSGI replace one process after the other: the command "c" of its
// master FIFO.
func chainReload(in *peers.Instance) error {
	fifo, err := os.OpenFile(filepath.Join(in.Site.Dir, "fifo"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("cannot open uWSGI's FIFO: %w", err)
	}
	defer fifo.Close()
	_, err = fifo.WriteString("c")
	return err
}

// rewrite puts the application's file anew, with the same text.
func rewrite(in *peers.Instance) error {
	text, err := os.ReadFile(in.Site.App)
	if err != nil {
		return err
	}
	fresh := in.Site.App + ".new"
	if err := os.WriteFile(fresh, text, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, in.Site.App)
}
