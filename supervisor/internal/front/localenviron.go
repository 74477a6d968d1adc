package front

import (
	"bytes"
	"iter"
)

// pairs are the names and values of an environ.
func pairs(environ []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for rest := environ; len(rest) > 0; {
			var name, value []byte
			name, rest, _ = bytes.Cut(rest, []byte{0})
			value, rest, _ = bytes.Cut(rest, []byte{0})
			if !yield(name, value) {
				return
			}
		}
	}
}

// environValue is "" for a name that is not there.
func environValue(environ []byte, name string) string {
	for key, value := range pairs(environ) {
		if string(key) == name {
			return string(value)
		}
	}
	return ""
}

// ofPlace names what an environ has for the sake of the place, or of the body, that the
// request had before a local redirect.
func ofPlace(name []byte) bool {
	switch string(name) {
	case "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH", "CONTENT_TYPE", "mod_wsgi.mount_point", "mod_wsgi.request_handler":
		return true
	}
	return bytes.HasPrefix(name, []byte("wsgid.")) || bytes.HasPrefix(name, redirectPrefix)
}

// appendEnviron appends the environ that the application at the location gets: what the one
// before got, but for the method, the path and the body.
func (l *local) appendEnviron(b []byte) []byte {
	e := environ{b: b}
	old := map[string][]byte{}
	var authorization []byte
	for name, value := range pairs(l.environ) {
		switch {
		case ofPlace(name):
			old[string(name)] = value
			continue
		case string(name) == "HTTP_AUTHORIZATION":
			authorization = value
			if !l.place.policy.PassAuthorization {
				continue
			}
		}
		e.b = append(append(e.b, name...), 0)
		e.b = append(append(e.b, value...), 0)
	}
	e.add("REQUEST_METHOD", "GET")
	l.appendPath(&e, old)
	e.add("QUERY_STRING", l.query)
	e.addBytes("REDIRECT_URL", append(bytes.Clone(old["SCRIPT_NAME"]), old["PATH_INFO"]...))
	if query := old["QUERY_STRING"]; len(query) > 0 {
		e.addBytes("REDIRECT_QUERY_STRING", query)
	}
	e.add("REDIRECT_STATUS", "200")
	if l.place.application != "" {
		e.add(applicationKey, l.place.application)
	}
	l.file.append(&e)
	if hidden := old["wsgid.authorization"]; hidden != nil {
		authorization = hidden
	}
	l.public = len(e.b)
	l.place.guard.append(&e, l.method, authorization)
	return e.b
}

// appendPath adds where the application is, and what of the path follows that. Where a
// proxy has said how the client sees a mount, that holds for the same mount only.
func (l *local) appendPath(e *environ, old map[string][]byte) {
	script, rest, file := l.place.split(l.path)
	if l.file.handler != nil {
		script, rest = l.file.split()
	}
	told, isTold := old["mod_wsgi.mount_point"]
	if isTold && l.from.script == l.place.script && l.from.match == nil && l.place.match == nil {
		script = told
		e.addBytes("mod_wsgi.mount_point", told)
	}
	e.addBytes("SCRIPT_NAME", script)
	e.addBytes("PATH_INFO", rest)
	if file != nil {
		e.addBytes(scriptPathKey, file)
	}
}
