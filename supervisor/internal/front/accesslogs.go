package front

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/wsgid/wsgid/units/site"
)

// accessLogs are those of a site: each file once, whatever hosts write it.
type accessLogs []*accessLog

// find is the log of a path, nil for "".
func (all accessLogs) find(path string) *accessLog {
	for _, l := range all {
		if l.path == path {
			return l
		}
	}
	return nil
}

// wantedLogs are the access logs that a site names.
func wantedLogs(s *site.Site) []accessLog {
	wanted := []accessLog{{path: s.Server.AccessLog, kind: s.Server.AccessLogFormat}}
	for _, v := range s.Vhosts {
		wanted = append(wanted, accessLog{path: v.AccessLog, kind: v.AccessLogFormat})
	}
	var once []accessLog
	for _, w := range wanted {
		if w.path != "" && !slices.ContainsFunc(once, func(l accessLog) bool { return l.path == w.path }) {
			once = append(once, w)
		}
	}
	return once
}

// openAccessLogsPatiently is for a site that is served without its logs, too.
func openAccessLogsPatiently(s *site.Site, logger *slog.Logger) accessLogs {
	var all accessLogs
	for _, w := range wantedLogs(s) {
		if l := openAccessLogPatiently(w.path, w.kind, logger); l != nil {
			all = append(all, l)
		}
	}
	return all
}

// change gives the logs of a site: those that are open already, and others that it
// opens. On an error it has opened none.
func (all accessLogs) change(s *site.Site, logger *slog.Logger) (next accessLogs, err error) {
	for _, w := range wantedLogs(s) {
		l := all.find(w.path)
		if l == nil || l.kind != w.kind {
			if l, err = openAccessLog(w.path, w.kind, logger); err != nil {
				return nil, errors.Join(err, next.closeUnless(all))
			}
		}
		next = append(next, l)
	}
	return next, nil
}

// closeUnless closes the logs that are not among those that stay.
func (all accessLogs) closeUnless(stay accessLogs) error {
	var errs []error
	for _, l := range all {
		if !slices.Contains(stay, l) {
			errs = append(errs, l.close())
		}
	}
	return errors.Join(errs...)
}

// logOf is where the line of a finished exchange goes. The caller holds logs. After a
// reload that is the log that the host has by then: the other may be closed.
func (f *Front) logOf(s *session) *accessLog {
	conf := f.conf.Load()
	h := s.vhost
	if conf != s.conf && h != nil {
		h = conf.hosts.of(s.conn.Listener).again(h)
	}
	if h == nil {
		return conf.log
	}
	return h.log
}
