package main

import "time"

// settings are written wrongly, or cannot hold.
func settings() []experiment {
	return []experiment{
		{id: "E5", title: "memory-limit=2G", daemon: "memory-limit=2G", group: `memory-limit = "2G"`, broken: true, steps: asWritten},
		{id: "E5", title: "python-home=/nonexistent", daemon: "python-home=/nonexistent", group: `python-home = "/nonexistent"`, broken: true, steps: asWritten},
		{id: "E5", title: "home=/nonexistent", daemon: "home=/nonexistent", group: `home = "/nonexistent"`, broken: true, steps: asWritten},
		{
			id: "E8", title: "a setting where it is not allowed: .htaccess, AllowOverride None; threads in [[mount]]",
			files: misplaced(), mount: "threads = 3", broken: true, steps: asWritten,
		},
		{
			id: "E8", title: "the same, AllowOverride All", more: "<Directory />\nAllowOverride All\n</Directory>",
			files: misplaced(), mount: "threads = 3", broken: true, steps: asWritten,
		},
		{
			id: "E9", title: "user= where nobody is root", daemon: "user=nobody group=nogroup", drop: true,
			group: `user = "jane"`, asUser: true, broken: true, steps: asUser,
		},
	}
}

func misplaced() map[string]string {
	return map[string]string{".htaccess": "WSGIApplicationGroup other\n"}
}

// asWritten: what is said of the settings, and what a client gets.
func asWritten(s *subject) []string {
	facts := append([]string{"check: " + s.checked}, failed("start", s.started)...)
	s.reachable()
	return append(facts, "request: "+exchange(s.dial, get("/pid"), 8*time.Second).String())
}

func asUser(s *subject) []string {
	facts := append([]string{"check: " + s.checked}, failed("start", s.started)...)
	s.reachable()
	if o := exchange(s.dial, get("/who"), 8*time.Second); o.status == 200 {
		return append(facts, "served by user "+o.body)
	} else {
		return append(facts, "request: "+o.String())
	}
}
