package main

// experiment is a row of the table.
type experiment struct {
	id, title string

	// The settings in mod_wsgi's words: options of WSGIDaemonProcess, further lines of
	// Apache's configuration, the application loaded lazily, Apache not started by root.
	daemon string
	more   string
	lazy   bool
	drop   bool

	// The same in wsgid's words: lines of [group.web] and of [[mount]].
	group string
	mount string
	// asUser has wsgid run by joe's own systemd.
	asUser bool

	// files beside the application, by name.
	files map[string]string
	// broken: the server need not serve before the steps begin.
	broken bool

	// steps give what was seen, in order.
	steps func(s *subject) []string
}

func experiments() []experiment {
	var all []experiment
	all = append(all, reloads()...)
	all = append(all, settings()...)
	all = append(all, limits()...)
	all = append(all, processes()...)
	return append(all, bodies()...)
}
