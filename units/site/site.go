package site

import (
	"strings"
	"time"
)

// Site is one parsed and validated site file.
type Site struct {
	// Name is the file name without ".toml"; units and sockets carry it.
	Name string
	// Path is the file the site came from; it prefixes error messages.
	Path string
	// ServerName is SERVER_NAME of requests that name no host; empty is localhost.
	ServerName string
	// Aliases are further names of the top level, as in [Vhost].
	Aliases []string
	// DefaultHost says that requests go to the top level's mounts whose host name no
	// virtual host has.
	DefaultHost bool
	// Listen has the addresses in file order. Empty: the caller chooses.
	Listen []Listener
	// Groups is sorted by name; those of virtual hosts are among them. A file without
	// any has one group "main" with all defaults, or if no application is mounted none.
	Groups []*Group
	// Services are the groups with threads = 0, which serve no requests, sorted by
	// name; nil means none.
	Services []*Group
	// Mounts are the top level's, in file order; nil means none, of a site that has
	// Statics, Redirects or virtual hosts.
	Mounts []*Mount
	// Statics are the top level's, in file order; nil means none.
	Statics []*Static
	// Redirects and Rewrites are the top level's, in file order; nil means none.
	Redirects []*Redirect
	Rewrites  []*Rewrite
	// Handlers are the top level's, in file order; nil means none.
	Handlers []*Handler
	// Locations are the top level's, in file order; nil means none.
	Locations []*Location
	// Vhosts is in file order; nil means none.
	Vhosts []*Vhost
	// Server has the keys of the front end.
	Server Server
	// TLS is nil for a site that speaks none.
	TLS *TLS
	// Policy has the top level's keys for all of the URL space.
	Policy Policy
	// WarmUp says what a new process is asked before it takes requests.
	WarmUp WarmUp
	// ServerMetrics gives each process the figures of its group.
	ServerMetrics bool
	// Python says how every group's interpreter is started.
	Python PythonFlags
	// Socket has the keys of the site's listening sockets.
	Socket Socket
	// SocketRotation names the socket of each generation; false names that of each
	// group's current one.
	SocketRotation bool
	// IdleTimeout is how long the supervisor runs on with no open connection and
	// no request before it ends until the next one; 0 means for ever.
	IdleTimeout time.Duration
	// Systemd are further directives for the [Service] section of the
	// supervisor's unit, sorted by name; nil means none.
	Systemd []Directive

	// lines finds the place of a key for errors that are found after parsing;
	// nil for a site made from flags.
	lines map[string]place
}

// LogDirectory is where systemd makes a directory for the site's log files, of the
// front end's user (LogsDirectory=, systemd.exec(5)).
func (s *Site) LogDirectory() string { return "/var/log/wsgi/" + s.Name }

// Server has the front end's keys, at the top level of the file. Defaults are
// already applied.
type Server struct {
	// AccessLog is "" for none, "-" for standard output, else an absolute path.
	AccessLog string
	// AccessLogFormat is "common", "combined" or "json".
	AccessLogFormat string
	// ErrorLog is "" for the journal, else an absolute path.
	ErrorLog string
	// SlowRequests is the age from which on a request is logged as slow; 0 means none.
	SlowRequests time.Duration
	// ProxyProtocol has the addresses on which a connection begins with a header of the
	// PROXY protocol; nil means none.
	ProxyProtocol []Listener
	// HTTP2 speaks HTTP/2 with clients that begin with it, or choose it in TLS.
	HTTP2 bool
	// Uwsgi takes requests in the uwsgi protocol on UNIX sockets and from
	// [Policy.TrustedProxies].
	Uwsgi bool

	// RequestLine is the longest request line in bytes.
	RequestLine int
	// RequestFields is the largest number of header fields.
	RequestFields int
	// RequestFieldSize is the longest single header field in bytes.
	RequestFieldSize int
	// RequestHeadSize is the largest request head in bytes.
	RequestHeadSize int

	// HeaderTimeout is the time for a whole request head; 0 means no limit.
	HeaderTimeout time.Duration
	// BodyTimeout is the longest silence inside a request body; 0 means no limit.
	BodyTimeout time.Duration
	// KeepAliveTimeout is how long a connection may idle between requests; 0
	// means no limit.
	KeepAliveTimeout time.Duration
	// SendTimeout is the longest time a client may accept nothing of a response; 0 means no limit.
	SendTimeout time.Duration
	// BodyMinRate is the lowest rate of a request body in bytes per second; 0 means off.
	BodyMinRate int

	// MaxConnections is the largest number of open client connections.
	MaxConnections int

	// RequestBuffer is how many bytes of a request body stay in memory before
	// an unlinked temporary file takes it.
	RequestBuffer int64
	// RequestSpool is how many bytes of a request body that file takes; what is
	// beyond is streamed with back-pressure. 0 means no file.
	RequestSpool int64
	// ResponseSpool is how many bytes of a response are held in a file for a
	// slow client; 0 means no file.
	ResponseSpool int64
	// SpoolDirectory holds those files; "" means the system's temporary directory.
	SpoolDirectory string
}

// WarmUp are requests that a new process answers before it takes others.
type WarmUp struct {
	// Paths are URL paths, maybe with a query, that are asked for with GET by the
	// processes of the group whose mount they lead to; nil means none.
	Paths []string
	// Status is what is expected.
	Status int
	// Timeout is the time for all of them, after the import; 0 means no limit.
	Timeout time.Duration
}

// PythonFlags are settings of interpreters that hold for a whole site (python(1)).
type PythonFlags struct {
	// Optimize is 0 to 2: how often -O is given.
	Optimize int
	// NoBytecode is -B.
	NoBytecode bool
	// Warnings are filters, each for a -W, of which later ones win; nil means none.
	Warnings []string
	// HashSeed is PYTHONHASHSEED: "random" or a number; "" leaves the environment's.
	HashSeed string
}

// Socket says how the listening sockets of a site are made (systemd.socket(5)).
type Socket struct {
	// User and Group own the UNIX sockets. "" means wsgi and its group, and in a
	// user's own systemd, and without systemd, the user that makes the socket.
	User, Group string
	// Mode is that of the UNIX sockets, 0 to 0777.
	Mode int
	// Backlog is the number of connections that the kernel holds until they are
	// accepted, 1 to 65535, and net.core.somaxconn at most (listen(2)).
	Backlog int
	// SendBuffer and ReceiveBuffer are of TCP connections, in bytes; 0 means the
	// system's own. The kernel does not let a UNIX socket inherit them.
	SendBuffer, ReceiveBuffer int64
	// Prefix is the beginning of the paths of the daemon groups' sockets; "" means the
	// directory of sockets. See [Site.SlotPrefix].
	Prefix string
}

// SlotPrefix is what comes before ".SLOT.sock" in the paths of a daemon group's sockets.
// runtime is the directory of sockets, which counts without a socket-prefix.
func (s *Site) SlotPrefix(runtime, group string) string {
	prefix := s.Socket.Prefix
	if below, ok := strings.CutPrefix(prefix, "/var/run/"); ok {
		prefix = "/run/" + below // a link to it, by which systemd does not like to go
	}
	switch {
	case prefix == "":
		prefix = runtime + "/"
	case !strings.HasSuffix(prefix, "/"):
		prefix += "." // as in mod_wsgi: /run/wsgi/x is no directory
	}
	return prefix + s.Name + ":" + group
}

// Directive is a line of a unit file that the site file passes through. Name is
// one that the section has. Value is one line, as systemd reads it: with its
// specifiers, systemd.unit(5), and "" to take back what the unit has of its own.
// Of several with one name the order counts.
type Directive struct {
	Name, Value string
}

// Group is one daemon group: processes that run one application.
type Group struct {
	Name string
	// Host is the server name of the virtual hosts that may use the group, as
	// written; "" means that every host may.
	Host string
	// Of is the group of the file whose keys these are, for processes that an
	// application group has for itself; "" for a group of the file.
	Of string
	// ApplicationGroup is the name of the application group that the processes run;
	// "" for that of all applications that name none.
	ApplicationGroup string
	// User runs the processes; "" means wsgi-app, and in a user's own systemd
	// that user.
	User string
	// UserGroup is the primary group; "" means that of the user.
	UserGroup string
	// SupplementaryGroups are further groups, beside the user's own.
	SupplementaryGroups []string
	// Chroot is the root directory of the processes, from inside which all other
	// paths but EnvFiles are seen; "" means the system's.
	Chroot string
	// CPUPriority is the nice level, -20 to 19.
	CPUPriority int
	// MemoryLimit is the data segment of a process in bytes (RLIMIT_DATA,
	// setrlimit(2)); 0 means no limit.
	MemoryLimit int64
	// VirtualMemoryLimit is the address space of a process in bytes (RLIMIT_AS);
	// 0 means no limit.
	VirtualMemoryLimit int64
	// CPUTimeLimit is the processor time after which a process is replaced
	// (RLIMIT_CPU); 0 means no limit.
	CPUTimeLimit time.Duration
	// Rotate is how a reload changes generations: RotateAll or RotateRolling.
	Rotate string
	// Systemd are further directives for the [Service] section of the group's
	// unit, sorted by name; nil means none.
	Systemd []Directive

	// Processes is the number of worker processes, 1 to 1024.
	Processes int
	// Threads is the number of request threads in each process, 1 to 1000; 0 in
	// Site.Services.
	Threads int
	// Script is the file, and Module the module, that a service script runs; "" in
	// groups that serve requests.
	Script, Module string
	// ProcessesSet says that processes was written in the file. wsgi.multiprocess
	// follows it, as in mod_wsgi: written means true, even for 1.
	ProcessesSet bool

	// Python is the interpreter's absolute path; see [Group.Interpreter] for "".
	Python string
	// PythonHome is the virtual environment; "" means none.
	PythonHome string
	// PythonPath has absolute directories that go to the front of sys.path.
	PythonPath []string

	// Home is the working directory and the first entry of sys.path; "" means
	// that the working directory is not changed.
	Home string
	// Lang is LANG of the processes; "" means inherited.
	Lang string
	// Locale is LC_ALL of the processes; "" means inherited.
	Locale string
	// DisplayName is the process title. It may contain %{GROUP}; "" means no change.
	DisplayName string
	// Umask is -1 when it is not set.
	Umask int
	// SwitchInterval is for sys.setswitchinterval; 0 means Python's own.
	SwitchInterval time.Duration
	// StackSize is the stack of a request thread in bytes; 0 means the system's.
	StackSize int64

	// PythonEggs is PYTHON_EGG_CACHE of the processes; "" means that it is not set.
	PythonEggs string
	// ScriptUser, or ScriptGroup, must own the script and its directory: a name, or #
	// and a number; see [Group.CheckOwner]. "" means that anybody may.
	ScriptUser, ScriptGroup string
	// ImportScripts are absolute files that each process runs before it imports the
	// application, in this order; nil means none.
	ImportScripts []string
	// RestrictStdin and RestrictStdout make every use of sys.stdin and sys.stdout an
	// OSError.
	RestrictStdin, RestrictStdout bool
	// RestrictSignal makes signal.signal do nothing in the processes.
	RestrictSignal bool

	// StartupTimeout is the time a process has to import the application; 0 means no limit.
	StartupTimeout time.Duration
	// RequestTimeout is the time a request may take in the application; 0 means no limit.
	RequestTimeout time.Duration
	// InterruptTimeout is how long a request that has had RequestTimeout may take to
	// end after an exception was raised in it; 0 means that its process is replaced
	// at once.
	InterruptTimeout time.Duration
	// QueueTimeout is how long a request may wait for a thread; 0 means no limit.
	QueueTimeout time.Duration
	// ShutdownTimeout is the time between SIGTERM and SIGKILL; 0 means that SIGKILL is not sent.
	ShutdownTimeout time.Duration
	// GracefulTimeout is how long requests in flight may finish when a process
	// or generation is replaced; 0 means no wait.
	GracefulTimeout time.Duration

	// ConnectTimeout is the time in which a leader that is connected to has to say
	// who it is; 0 means no limit.
	ConnectTimeout time.Duration
	// SocketTimeout is how long a process may say nothing inside a response that it
	// has begun; 0 means no limit.
	SocketTimeout time.Duration

	// InactivityTimeout is how long a group without a request keeps its
	// processes; the next request brings them back. 0 means for ever.
	InactivityTimeout time.Duration
	// DeadlockTimeout is how long the interpreter of a process may not answer its
	// leader before the process is replaced; 0 means for ever.
	DeadlockTimeout time.Duration
	// MaximumRequests is the number of requests after which a process is
	// replaced, give or take a tenth; 0 means no limit.
	MaximumRequests int
	// RestartInterval is the age at which a process is replaced, give or take a
	// tenth; 0 means none.
	RestartInterval time.Duration
	// MaximumMemory is the resident memory in bytes above which a process is
	// replaced (VmRSS, proc_pid_status(5)); 0 means no limit.
	MaximumMemory int64
	// EvictionTimeout is GracefulTimeout for a leader that is told to end from
	// outside; 0 means GracefulTimeout.
	EvictionTimeout time.Duration
	// OrphanTimeout is how long the processes stay warm without a supervisor; 0
	// means not at all.
	OrphanTimeout time.Duration

	// QueueLimit is the number of requests that may wait for a thread; the next
	// one is answered 503 at once. 0 means that none waits.
	QueueLimit int
	// HeaderBufferSize is the longest single response header line in bytes.
	HeaderBufferSize int64
	// ResponseBufferSize is how many bytes of a response are held in memory for
	// a client that reads slowly.
	ResponseBufferSize int64
	// ResponseSocketTimeout is Server.SendTimeout for the group's responses; 0 means
	// that one.
	ResponseSocketTimeout time.Duration
	// ResponseFlushDelay is how long a piece of a response may wait for more of it
	// before it is sent, up to 1 s; 0 means not at all.
	ResponseFlushDelay time.Duration

	// Env has the environment from [group.NAME.env]; nil when there is none.
	Env map[string]string
	// EnvFiles are absolute paths, read in order by the leader with [LoadEnvFile].
	EnvFiles []string

	key string // of its table in a virtual host; "" at the top level
}

// Mount maps a URL path to an application.
type Mount struct {
	// Path is the URL path, decoded, without a trailing slash except "/" itself; "" when
	// PathMatch is set.
	Path string
	// PathMatch is a regular expression for decoded URL paths, see [Mount.Matcher];
	// "" when Path is set.
	PathMatch string
	// Script is the absolute file of the application; "" when Module or
	// ScriptDirectory is set.
	Script string
	// Module is the dotted module name; "" when Script or ScriptDirectory is set.
	Module string
	// ScriptDirectory has the scripts of many applications: what follows Path in a URL
	// is the name of one, without ScriptSuffix. "" when Script or Module is set.
	ScriptDirectory, ScriptSuffix string
	// Callable is the name of the application object in it.
	Callable string
	// Group is the name of the daemon group that runs it: after Parse that of the
	// application group, see [Group.Of].
	Group string
	// ApplicationGroup says with which others the application shares an interpreter:
	// GlobalApplications with all of the group that say so, another name with those
	// of the name; "" means that the group runs no other.
	ApplicationGroup string
	// Policy has the keys for requests to the mount; those of the top level that
	// it does not change included.
	Policy Policy
	// ScriptReloading brings up a new generation when Script changes.
	ScriptReloading bool
	// Dispatch chooses the group and the callable of each request.
	Dispatch Dispatch

	others  []string // groups that run it as well, for Dispatch to choose
	handler bool     // it is what a Handler runs
}

// DefaultCallable is the application object's name when none is written.
const DefaultCallable = "application"

// How a reload changes generations.
const (
	// RotateAll starts all processes of the new one beside the old.
	RotateAll = "all"
	// RotateRolling replaces process by process, under the same leader.
	RotateRolling = "rolling"
)

// DefaultUser runs the daemon groups that name no user, and FrontEndUser the
// supervisors, under the system's systemd; the packages make both.
const (
	DefaultUser  = "wsgi-app"
	FrontEndUser = "wsgi"
)

// DefaultGroup is the name of the group of a site file without [group.*].
const DefaultGroup = "main"

// Default returns a site with all defaults, one group "main" and no mount. The
// caller adds mounts and listeners and then calls [Site.Validate].
func Default(name string) *Site {
	s := &Site{Name: name, Path: name + ".toml", Groups: []*Group{NewGroup(DefaultGroup)}}
	applyDefaults(tableTop, serverFields(s))
	return s
}

// NewGroup returns a group with all defaults.
func NewGroup(name string) *Group {
	g := &Group{Name: name, Umask: -1}
	applyDefaults(tableGroup, groupFields(g))
	return g
}

// Group returns the group of that name, nil when there is none.
func (s *Site) Group(name string) *Group {
	for _, g := range s.Groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}
