package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

// Names of the servers, in -servers and in the tables.
const (
	nameWsgid  = "wsgid"
	nameUwsgi  = "nginx+uwsgi"
	nameApache = "apache"
)

// What every server gets, so that the figures compare.
const (
	processes = 2
	threads   = 15
	python    = "/usr/bin/python3"
)

// kind is one of the servers compared.
type kind struct {
	name string
	// needs maps files that must exist to the Debian packages that hold them.
	needs map[string]string
	// commands writes the configuration into the site's directory and returns
	// what to start, to be ended in the same order.
	commands func(site) ([]*exec.Cmd, error)
}

// site is what one instance of a server is told. Templates use it as it is.
type site struct {
	Dir     string // run directory of this instance, owned by the account
	App     string // application file
	Port    int    // on 127.0.0.1
	Backlog int    // of listening sockets
	Account account
	Wsgid   string // path of the wsgid binary
}

// Processes and Threads give the templates the constants.
func (site) Processes() int { return processes }
func (site) Threads() int   { return threads }

func kinds() []kind {
	return []kind{
		{name: nameWsgid, commands: wsgidCommands},
		{name: nameUwsgi, commands: uwsgiCommands, needs: map[string]string{
			nginxProgram:            "nginx-light",
			"/etc/nginx/mime.types": "nginx-light",
			nginxParams:             "nginx-light",
			uwsgiProgram:            "uwsgi-core",
			"/usr/lib/uwsgi/plugins/python3_plugin.so": "uwsgi-plugin-python3",
		}},
		{name: nameApache, commands: apacheCommands, needs: map[string]string{
			apacheProgram:                          "apache2",
			"/usr/lib/apache2/modules/mod_wsgi.so": "libapache2-mod-wsgi-py3",
		}},
	}
}

func kindByName(name string) (kind, bool) {
	for _, k := range kinds() {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

const (
	nginxProgram  = "/usr/sbin/nginx"
	nginxParams   = "/etc/nginx/uwsgi_params"
	uwsgiProgram  = "/usr/bin/uwsgi-core"
	apacheProgram = "/usr/sbin/apache2"
)

func wsgidCommands(s site) ([]*exec.Cmd, error) {
	cmd := command(s, s.Wsgid, "run",
		"--listen", "127.0.0.1:"+strconv.Itoa(s.Port),
		"--processes", strconv.Itoa(processes),
		"--threads", strconv.Itoa(threads),
		"--python", python,
		s.App)
	s.Account.apply(cmd)
	return []*exec.Cmd{cmd}, logTo(s, "wsgid.log", cmd)
}

func uwsgiCommands(s site) ([]*exec.Cmd, error) {
	if err := writeConfig(s, "uwsgi.ini", uwsgiConfig); err != nil {
		return nil, err
	}
	if err := writeConfig(s, "nginx.conf", nginxConfig); err != nil {
		return nil, err
	}
	uwsgi := command(s, uwsgiProgram, "--ini", filepath.Join(s.Dir, "uwsgi.ini"))
	if err := logTo(s, "uwsgi.log", uwsgi); err != nil {
		return nil, err
	}
	nginx := command(s, nginxProgram, "-p", s.Dir, "-e", "stderr", "-c", filepath.Join(s.Dir, "nginx.conf"))
	return []*exec.Cmd{uwsgi, nginx}, logTo(s, "nginx.log", nginx)
}

func apacheCommands(s site) ([]*exec.Cmd, error) {
	if err := writeConfig(s, "apache2.conf", apacheConfig); err != nil {
		return nil, err
	}
	cmd := command(s, apacheProgram, "-f", filepath.Join(s.Dir, "apache2.conf"), "-DFOREGROUND")
	return []*exec.Cmd{cmd}, logTo(s, "apache.log", cmd)
}

// command prepares a program with a session and an environment of its own: a
// python3 that the caller's PATH puts before Debian's would change where the
// embedded interpreters of uWSGI and mod_wsgi look for their library.
func command(s site, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + s.Dir, "TMPDIR=" + s.Dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// logTo sends a command's output to a file in the site's directory. The file
// stays open here for as long as the instance lives: see instance.stop.
func logTo(s site, name string, cmd *exec.Cmd) error {
	file, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open log: %w", err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	return nil
}

func writeConfig(s site, name, text string) error {
	tmpl, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return fmt.Errorf("cannot parse template: %w", err)
	}
	var out strings.Builder
	if err := tmpl.Execute(&out, s); err != nil {
		return fmt.Errorf("cannot fill in template: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(out.String()), 0o644); err != nil {
		return fmt.Errorf("cannot write configuration: %w", err)
	}
	return nil
}
