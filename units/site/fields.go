package site

// fields binds keys to the places that hold their values. Decoding, encoding
// and defaults all go through it, so a key cannot be read and not written.
type fields []field

type field struct {
	key string
	// to is a pointer to string, bool, int, int64, time.Duration, []string,
	// []Listener or map[string]string, or it is a proxies.
	to any
}

func serverFields(s *Site) fields {
	v := &s.Server
	return fields{
		{"server-name", &s.ServerName},
		{"listen", &s.Listen},
		{"access-log", &v.AccessLog},
		{"access-log-format", &v.AccessLogFormat},
		{"trusted-proxies", proxies{&v.TrustedProxies, &v.TrustUnix}},
		{"limit-request-line", &v.RequestLine},
		{"limit-request-fields", &v.RequestFields},
		{"limit-request-field-size", &v.RequestFieldSize},
		{"limit-request-head-size", &v.RequestHeadSize},
		{"limit-request-body", &v.RequestBody},
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
	}
}

func groupFields(g *Group) fields {
	return fields{
		{"processes", &g.Processes},
		{"threads", &g.Threads},
		{"python", &g.Python},
		{"python-home", &g.PythonHome},
		{"python-path", &g.PythonPath},
		{"home", &g.Home},
		{"lang", &g.Lang},
		{"locale", &g.Locale},
		{"display-name", &g.DisplayName},
		{"umask", &g.Umask},
		{"switch-interval", &g.SwitchInterval},
		{"stack-size", &g.StackSize},
		{"startup-timeout", &g.StartupTimeout},
		{"request-timeout", &g.RequestTimeout},
		{"queue-timeout", &g.QueueTimeout},
		{"shutdown-timeout", &g.ShutdownTimeout},
		{"graceful-timeout", &g.GracefulTimeout},
		{"queue-limit", &g.QueueLimit},
		{"header-buffer-size", &g.HeaderBufferSize},
		{"response-buffer-size", &g.ResponseBufferSize},
		{"env-file", &g.EnvFiles},
		{"env", &g.Env},
	}
}

// mountFields leaves out the module's ":callable", which the mount's own rules split.
func mountFields(m *Mount) fields {
	return fields{
		{"path", &m.Path},
		{"script", &m.Script},
		{"module", &m.Module},
		{"callable-object", &m.Callable},
		{"group", &m.Group},
	}
}

func (fs fields) find(key string) any {
	for _, f := range fs {
		if f.key == key {
			return f.to
		}
	}
	return nil
}
