package peers

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

// What every server gets, so that the figures compare.
const (
	Processes = 2
	Threads   = 15
	Python    = "/usr/bin/python3"
)

// Kind is one of the servers.
type Kind struct {
	Name string
	// Needs maps files that must exist to the Debian packages that hold them.
	Needs map[string]string
	// commands writes the configuration into the site's directory and returns
	// what to start, to be ended in the same order.
	commands func(Site) ([]*exec.Cmd, error)
}

// Site is what one instance of a server is told. Templates use it as it is.
type Site struct {
	Dir     string // run directory of this instance, made by Start and owned by the account
	App     string // application file
	Port    int    // on 127.0.0.1
	Backlog int    // of listening sockets
	Account Account
	Wsgid   string // path of the wsgid binary; only Wsgid needs it
	More    string // lines at the end of what configures uWSGI or Apache; arguments of wsgid

	// Static is a directory whose files Wsgid and Uwsgi serve at /static/; "" for none.
	Static string
	// TLS has Wsgid, Uwsgi and Apache listen at one more port; nil for none.
	TLS *TLS
	// Hosts is how many virtual hosts Wsgid has beside its own, each serving App from
	// the one daemon group; see HostName.
	Hosts int

	// For Apache only:
	Daemon string // further options of WSGIDaemonProcess; of one given twice, the last counts
	Lazy   bool   // the application is loaded by its first request, not at start
	Drop   bool   // Apache itself is started as the account, not by root
}

// TLS is what a server needs to speak it: with HTTP/1.1 and, but for Apache, HTTP/2.
type TLS struct {
	Port             int // on 127.0.0.1
	Certificate, Key string
}

// Processes, Threads and Python give the templates the constants.
func (Site) Processes() int { return Processes }
func (Site) Threads() int   { return Threads }
func (Site) Python() string { return Python }

// HostNames are those of all Hosts.
func (s Site) HostNames() []string {
	names := make([]string, s.Hosts)
	for i := range names {
		names[i] = HostName(i)
	}
	return names
}

// HostName is that of a virtual host, from 0 on.
func HostName(i int) string { return fmt.Sprintf("host%d.example", i) }

// Wsgid is `wsgid run`, with a site file where the command line does not do.
func Wsgid() Kind {
	return Kind{Name: "wsgid", commands: wsgidCommands}
}

// Uwsgi is uWSGI behind nginx; Pids are those of the two masters, in this order.
func Uwsgi() Kind {
	return Kind{Name: "nginx+uwsgi", commands: uwsgiCommands, Needs: map[string]string{
		nginxProgram:            "nginx-light",
		"/etc/nginx/mime.types": "nginx-light",
		nginxParams:             "nginx-light",
		uwsgiProgram:            "uwsgi-core",
		uwsgiPython:             "uwsgi-plugin-python3",
	}}
}

// UwsgiHTTP is uWSGI with its own HTTP router in front, as `uwsgi --http` has it.
func UwsgiHTTP() Kind {
	return Kind{Name: "uwsgi --http", commands: uwsgiHTTPCommands, Needs: map[string]string{
		uwsgiProgram:                            "uwsgi-core",
		"/usr/lib/uwsgi/plugins/http_plugin.so": "uwsgi-core",
		uwsgiPython:                             "uwsgi-plugin-python3",
	}}
}

// Apache is Apache with mod_wsgi in daemon mode.
func Apache() Kind {
	return Kind{Name: "apache", commands: apacheCommands, Needs: map[string]string{
		apacheProgram:                          "apache2",
		"/usr/lib/apache2/modules/mod_wsgi.so": "libapache2-mod-wsgi-py3",
	}}
}

// Gunicorn is gunicorn with threads and nothing in front.
func Gunicorn() Kind {
	return Kind{Name: "gunicorn", commands: gunicornCommands, Needs: map[string]string{
		gunicornProgram: "gunicorn",
	}}
}

const (
	nginxProgram    = "/usr/sbin/nginx"
	nginxParams     = "/etc/nginx/uwsgi_params"
	uwsgiProgram    = "/usr/bin/uwsgi-core"
	uwsgiPython     = "/usr/lib/uwsgi/plugins/python3_plugin.so"
	apacheProgram   = "/usr/sbin/apache2"
	gunicornProgram = "/usr/bin/gunicorn"
)

func wsgidCommands(s Site) ([]*exec.Cmd, error) {
	args := []string{
		"run",
		"--listen", "127.0.0.1:" + strconv.Itoa(s.Port),
		"--processes", strconv.Itoa(Processes),
		"--threads", strconv.Itoa(Threads),
		"--python", Python,
	}
	what := s.App
	if s.Static != "" || s.TLS != nil || s.Hosts > 0 {
		if err := writeConfig(s, "wsgid.toml", wsgidConfig); err != nil {
			return nil, err
		}
		args, what = []string{"run"}, "--config="+filepath.Join(s.Dir, "wsgid.toml")
	}
	cmd := command(s, s.Wsgid, append(append(args, strings.Fields(s.More)...), what)...)
	s.Account.apply(cmd)
	return []*exec.Cmd{cmd}, logTo(s, "wsgid.log", cmd)
}

func uwsgiCommands(s Site) ([]*exec.Cmd, error) {
	uwsgi, err := uwsgiCommand(s, uwsgiBehindNginxConfig)
	if err != nil {
		return nil, err
	}
	if err := writeConfig(s, "nginx.conf", nginxConfig); err != nil {
		return nil, err
	}
	nginx := command(s, nginxProgram, "-p", s.Dir, "-e", "stderr", "-c", filepath.Join(s.Dir, "nginx.conf"))
	return []*exec.Cmd{uwsgi, nginx}, logTo(s, "nginx.log", nginx)
}

func uwsgiHTTPCommands(s Site) ([]*exec.Cmd, error) {
	uwsgi, err := uwsgiCommand(s, uwsgiHTTPConfig)
	return []*exec.Cmd{uwsgi}, err
}

func uwsgiCommand(s Site, config string) (*exec.Cmd, error) {
	if err := writeConfig(s, "uwsgi.ini", config); err != nil {
		return nil, err
	}
	cmd := command(s, uwsgiProgram, "--ini", filepath.Join(s.Dir, "uwsgi.ini"))
	return cmd, logTo(s, "uwsgi.log", cmd)
}

func gunicornCommands(s Site) ([]*exec.Cmd, error) {
	directory, file := filepath.Split(s.App)
	cmd := command(s, gunicornProgram,
		"--bind", "127.0.0.1:"+strconv.Itoa(s.Port), "--backlog", strconv.Itoa(s.Backlog),
		"--worker-class", "gthread", "--workers", strconv.Itoa(Processes), "--threads", strconv.Itoa(Threads),
		"--keep-alive", "75", // as the others have it; 2 s by default
		"--pythonpath", directory, strings.TrimSuffix(file, ".py")+":application")
	s.Account.apply(cmd)
	return []*exec.Cmd{cmd}, logTo(s, "gunicorn.log", cmd)
}

func apacheCommands(s Site) ([]*exec.Cmd, error) {
	if err := writeConfig(s, "apache2.conf", apacheConfig); err != nil {
		return nil, err
	}
	cmd := command(s, apacheProgram, "-f", filepath.Join(s.Dir, "apache2.conf"), "-DFOREGROUND")
	if err := logTo(s, "apache.log", cmd); err != nil || !s.Drop {
		return []*exec.Cmd{cmd}, err
	}
	// It opens its log itself, too.
	s.Account.apply(cmd)
	return []*exec.Cmd{cmd}, s.Account.Own(filepath.Join(s.Dir, "apache.log"))
}

// command prepares a program with a session and an environment of its own: a
// python3 that the caller's PATH puts before Debian's would change where the
// embedded interpreters of uWSGI and mod_wsgi look for their library.
func command(s Site, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + s.Dir, "TMPDIR=" + s.Dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// logTo sends a command's output to a file in the site's directory. The file
// stays open here until the command has been started: see Start.
func logTo(s Site, name string, cmd *exec.Cmd) error {
	file, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open log: %w", err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	return nil
}

func writeConfig(s Site, name, text string) error {
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
