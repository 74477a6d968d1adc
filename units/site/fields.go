package site

import "slices"

// fields binds keys to the places that hold their values. Decoding, encoding
// and defaults all go through it, so a key cannot be read and not written.
type fields []field

type field struct {
	key string
	// to is a pointer to string, bool, int, int64, time.Duration, []string,
	// []Listener, []Directive, map[string]string, Peers or Pages, or it is an octal.
	to any
}

func serverFields(s *Site) fields {
	v := &s.Server
	return append(fields{
		{"server-name", &s.ServerName},
		{"server-alias", &s.Aliases},
		{"default-host", &s.DefaultHost},
		{"listen", &s.Listen},
		{"access-log", &v.AccessLog},
		{"access-log-format", &v.AccessLogFormat},
		{"error-log", &v.ErrorLog},
		{"slow-requests", &v.SlowRequests},
		{"proxy-protocol", &v.ProxyProtocol},
		{"http2", &v.HTTP2},
		{"uwsgi-protocol", &v.Uwsgi},
		{"limit-request-line", &v.RequestLine},
		{"limit-request-fields", &v.RequestFields},
		{"limit-request-field-size", &v.RequestFieldSize},
		{"limit-request-head-size", &v.RequestHeadSize},
		{"header-timeout", &v.HeaderTimeout},
		{"body-timeout", &v.BodyTimeout},
		{"keep-alive-timeout", &v.KeepAliveTimeout},
		{"send-timeout", &v.SendTimeout},
		{"body-min-rate", &v.BodyMinRate},
		{"max-connections", &v.MaxConnections},
		{"request-buffer-size", &v.RequestBuffer},
		{"request-spool-limit", &v.RequestSpool},
		{"response-spool-limit", &v.ResponseSpool},
		{"spool-directory", &v.SpoolDirectory},
		{"socket-user", &s.Socket.User},
		{"socket-group", &s.Socket.Group},
		{"socket-mode", octal{&s.Socket.Mode}},
		{"listen-backlog", &s.Socket.Backlog},
		{"send-buffer-size", &s.Socket.SendBuffer},
		{"receive-buffer-size", &s.Socket.ReceiveBuffer},
		{"socket-prefix", &s.Socket.Prefix},
		{"socket-rotation", &s.SocketRotation},
		{"idle-timeout", &s.IdleTimeout},
		{"warm-up", &s.WarmUp.Paths},
		{"warm-up-status", &s.WarmUp.Status},
		{"warm-up-timeout", &s.WarmUp.Timeout},
		{"server-metrics", &s.ServerMetrics},
		{"python-optimize", &s.Python.Optimize},
		{"dont-write-bytecode", &s.Python.NoBytecode},
		{"python-warnings", &s.Python.Warnings},
		{"python-hash-seed", &s.Python.HashSeed},
	}, policyFields(&s.Policy)...)
}

func siteTableFields(s *Site) fields {
	return fields{{"systemd", &s.Systemd}}
}

// octal is a number that is written with octal digits; -1 means not set.
type octal struct{ *int }

func groupFields(g *Group) fields {
	return fields{
		{"user", &g.User},
		{"group", &g.UserGroup},
		{"supplementary-groups", &g.SupplementaryGroups},
		{"chroot", &g.Chroot},
		{"cpu-priority", &g.CPUPriority},
		{"processes", &g.Processes},
		{"threads", &g.Threads},
		{"script", &g.Script},
		{"module", &g.Module},
		{"python", &g.Python},
		{"python-home", &g.PythonHome},
		{"python-path", &g.PythonPath},
		{"home", &g.Home},
		{"lang", &g.Lang},
		{"locale", &g.Locale},
		{"display-name", &g.DisplayName},
		{"umask", octal{&g.Umask}},
		{"switch-interval", &g.SwitchInterval},
		{"stack-size", &g.StackSize},
		{"python-eggs", &g.PythonEggs},
		{"script-user", &g.ScriptUser},
		{"script-group", &g.ScriptGroup},
		{"import-script", &g.ImportScripts},
		{"restrict-stdin", &g.RestrictStdin},
		{"restrict-stdout", &g.RestrictStdout},
		{"restrict-signal", &g.RestrictSignal},
		{"startup-timeout", &g.StartupTimeout},
		{"request-timeout", &g.RequestTimeout},
		{"interrupt-timeout", &g.InterruptTimeout},
		{"queue-timeout", &g.QueueTimeout},
		{"shutdown-timeout", &g.ShutdownTimeout},
		{"graceful-timeout", &g.GracefulTimeout},
		{"connect-timeout", &g.ConnectTimeout},
		{"socket-timeout", &g.SocketTimeout},
		{"queue-limit", &g.QueueLimit},
		{"header-buffer-size", &g.HeaderBufferSize},
		{"response-buffer-size", &g.ResponseBufferSize},
		{"response-socket-timeout", &g.ResponseSocketTimeout},
		{"response-flush-delay", &g.ResponseFlushDelay},
		{"rotate", &g.Rotate},
		{"maximum-requests", &g.MaximumRequests},
		{"restart-interval", &g.RestartInterval},
		{"maximum-memory", &g.MaximumMemory},
		{"eviction-timeout", &g.EvictionTimeout},
		{"inactivity-timeout", &g.InactivityTimeout},
		{"deadlock-timeout", &g.DeadlockTimeout},
		{"orphan-timeout", &g.OrphanTimeout},
		{"memory-limit", &g.MemoryLimit},
		{"virtual-memory-limit", &g.VirtualMemoryLimit},
		{"cpu-time-limit", &g.CPUTimeLimit},
		{"env-file", &g.EnvFiles},
		{"env", &g.Env},
		{"systemd", &g.Systemd},
	}
}

// mountFields leaves out the module's ":callable", which the mount's own rules split.
func mountFields(m *Mount) fields {
	return append(fields{
		{"path", &m.Path},
		{"path-match", &m.PathMatch},
		{"script", &m.Script},
		{"module", &m.Module},
		{"script-directory", &m.ScriptDirectory},
		{"script-suffix", &m.ScriptSuffix},
		{"callable-object", &m.Callable},
		{"group", &m.Group},
		{"application-group", &m.ApplicationGroup},
		{"script-reloading", &m.ScriptReloading},
	}, slices.Concat(dispatchFields(&m.Dispatch), policyFields(&m.Policy))...)
}

func (fs fields) find(key string) any {
	for _, f := range fs {
		if f.key == key {
			return f.to
		}
	}
	return nil
}
