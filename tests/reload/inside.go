package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/tests/load"
	"github.com/wsgid/wsgid/tests/peers"
)

// Places in a machine.
const (
	insideDir     = "/srv/load"
	insideAddress = "127.0.0.1:8080"
)

func siteFile() string {
	return fmt.Sprintf(`listen = "%s"
[group.web]
user = "joe"
processes = %d
threads = %d
[[mount]]
path = "/"
script = "%s/app.py"
`, insideAddress, peers.Processes, peers.Threads, insideDir)
}

// insideProves completes "not proved that".
const insideProves = "systemctl reload and restart lose nothing"

// inside has wsgid tried as systemd runs it. lacking becomes what this host lacks
// for that.
func (r *run) inside(ctx context.Context, t trial, lacking *string) (got row, err error) {
	var failed error
	*lacking, err = boot.OnStage(r.say, func(s *boot.Stage) {
		release := boot.Need(s, insideProves)[0]
		if _, err := r.provide(); err != nil {
			s.Fatal(err)
		}
		m := boot.Boot(s, release, insideProves)
		m.WriteFile(filepath.Join(insideDir, "app.py"), load.AppSource(), 0o644, "")
		m.WriteFile(filepath.Join(insideDir, "seen"), "", 0o644, "joe")
		set := func(name, value string) error {
			m.WriteFile(filepath.Join(insideDir, name), value, 0o644, "")
			return nil
		}
		if err := settings(set, insideDir, r.options.imports); err != nil {
			s.Fatal(err)
		}
		m.Site("load", siteFile())
		m.MustRun("systemctl", "start", "wsgi@load")
		got, failed = r.drive(ctx, subject{
			trial:  t,
			dial:   func(context.Context) (net.Conn, error) { return m.Dial("tcp", insideAddress) },
			set:    set,
			reload: func() error { t.machine(m); return nil },
			record: func() (string, error) { return m.ReadFile(filepath.Join(insideDir, "seen")), nil },
		})
		if failed != nil && ctx.Err() == nil {
			s.Fatal(failed) // shows the machine's journal
		}
	})
	return got, err
}

// systemctl is the verb, on the site that is under load. It waits for the end of it.
func systemctl(verb string) func(*boot.Machine) {
	return func(m *boot.Machine) { m.MustRun("systemctl", verb, "wsgi@load") }
}

// upgrade puts another file, with the same content, in the place of the program, as
// a package manager does.
func upgrade(m *boot.Machine) {
	m.MustRun("cp", "/usr/bin/wsgid", "/usr/bin/wsgid.new")
	m.MustRun("mv", "/usr/bin/wsgid.new", "/usr/bin/wsgid")
	m.MustRun("systemctl", "reload", "wsgi@load")
}
