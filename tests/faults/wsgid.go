package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/wsgid/wsgid/tests/boot"
)

// Places in a machine.
const (
	insideDir     = "/srv/faults"
	insideAddress = "127.0.0.1:8080"
	siteName      = "faults"
)

// proves completes "not proved that".
const proves = "wsgid does better where things go wrong"

// siteText is the site file of an experiment.
func siteText(e *experiment) string {
	user := "user = \"joe\"\n"
	if strings.Contains(e.group, "user = ") {
		user = ""
	}
	return fmt.Sprintf("listen = %q\n\n[group.web]\n%s%s\n\n[[mount]]\npath = \"/\"\nscript = %q\n%s\n",
		insideAddress, user, e.group, insideDir+"/app.py", e.mount)
}

// onWsgid makes an experiment on a booted machine.
func (r *run) onWsgid(m *boot.Machine, e *experiment) ([]string, error) {
	var facts []string
	_, err := boot.OnStage(r.say, func(stage *boot.Stage) {
		m := m.In(stage)
		m.WriteFile(insideDir+"/app.py", appSource, 0o644, "")
		for name, text := range e.files {
			m.WriteFile(path.Join(insideDir, name), text, 0o644, "")
		}
		var s *subject
		if e.asUser {
			s = userSubject(m, e)
		} else {
			s = wsgidSubject(m, e)
		}
		if !e.broken && (s.started != "" || !s.up()) {
			stage.Fatal("cannot get an answer: ", s.started)
		}
		facts = e.steps(s)
	})
	return facts, err
}

func wsgidSubject(m *boot.Machine, e *experiment) *subject {
	m.Site(siteName, siteText(e))
	s := &subject{
		dial:    func() (net.Conn, error) { return m.Dial("tcp", insideAddress) },
		checked: checkedBy(m.Run("wsgid", "check", "/etc/wsgi/"+siteName+".toml")),
		started: saidBy(m.Run("systemctl", "start", "wsgi@"+siteName)),
		reload:  func() string { return saidBy(m.Run("systemctl", "reload", "wsgi@"+siteName)) },
		touch:   func() error { return errorOf(m.Run("touch", insideDir+"/app.py")) },
		signal: func(pid string, signal syscall.Signal) error {
			return errorOf(m.Run("kill", "-"+strconv.Itoa(int(signal)), pid))
		},
		// The process's leader, which is its parent, as an administrator or systemd ends it.
		evict: func(pid string) error {
			return errorOf(m.Run("sh", "-c", `kill -TERM "$(ps -o ppid= -p "$1" | tr -d ' ')"`, "sh", pid))
		},
		unlink: func() error { return errorOf(m.Run("sh", "-c", "rm /run/wsgi/"+siteName+":web.*.sock")) },
	}
	return s
}

// userSubject is a site of joe's own systemd, which may not change users.
func userSubject(m *boot.Machine, e *experiment) *subject {
	m.UserManager("joe")
	file := "/home/joe/.config/wsgi/" + siteName + ".toml"
	m.Must(boot.Command{Args: []string{"mkdir", "-p", path.Dir(file)}, User: "joe"})
	m.WriteFile(file, siteText(e), 0o644, "joe")
	m.Must(boot.Command{Args: []string{"systemctl", "--user", "daemon-reload"}, User: "joe"})
	return &subject{
		dial:    func() (net.Conn, error) { return m.Dial("tcp", insideAddress) },
		checked: checkedBy(m.RunAs("joe", "wsgid", "check", "--user", file)),
		started: saidBy(m.RunAs("joe", "systemctl", "--user", "start", "wsgi@"+siteName)),
	}
}

// checkedBy is the first thing that `wsgid check` has to say.
func checkedBy(r boot.Result) string {
	if r.Status == 0 {
		return "no error"
	}
	return firstLine(r)
}

// saidBy is what a command said that failed, "" for one that did not.
func saidBy(r boot.Result) string {
	if r.Status == 0 {
		return ""
	}
	return fmt.Sprintf("exit status %d, %s", r.Status, firstLine(r))
}

func firstLine(r boot.Result) string {
	line, _, _ := strings.Cut(strings.TrimSpace(r.Stdout+"\n"+r.Stderr), "\n")
	return strings.TrimSpace(line)
}

func errorOf(r boot.Result) error {
	if said := saidBy(r); said != "" {
		return errors.New(said)
	}
	return nil
}

// machine boots one machine for all experiments and hands it over. It gives what this host
// lacks for that.
func (r *run) machine(ctx context.Context, use func(*boot.Machine)) (lacking string, err error) {
	return boot.OnStage(r.say, func(stage *boot.Stage) {
		release := boot.Need(stage, proves)[0]
		if err := boot.Provide(path.Join(r.dir, "bin"), r.build); err != nil {
			stage.Fatal(err)
		}
		m := boot.Boot(stage, release, proves)
		if ctx.Err() == nil {
			use(m)
		}
	})
}
