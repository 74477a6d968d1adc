package main

import (
	"io"
	"time"
)

// inFlight is how long the requests take that a reload meets.
const inFlight = "/sleep?8"

// pause lets the step before take effect.
const pause = time.Second

func reloads() []experiment {
	const daemon, group = "graceful-timeout=60 eviction-timeout=60 threads=5", "graceful-timeout = 60\neviction-timeout = 60"
	return []experiment{
		{
			id: "E1", title: "reload with a request of 8 s in flight, graceful-timeout 60, shutdown-timeout 30",
			daemon: daemon + " shutdown-timeout=30", group: group + "\nshutdown-timeout = 30", steps: reloadInFlight,
		},
		{id: "E2", title: "reload while half of a request has come, WSGISocketRotation On", more: "WSGISocketRotation On", steps: reloadHalfway},
		{id: "E2", title: "the same, WSGISocketRotation Off", more: "WSGISocketRotation Off", steps: reloadHalfway},
		{
			id: "E4", title: "script touched, with a request of 8 s in flight, graceful-timeout 60",
			daemon: daemon + " processes=1", group: group + "\nprocesses = 1", mount: "script-reloading = true", steps: touchInFlight,
		},
		{
			id: "E4", title: "script touched, nothing in flight",
			daemon: "processes=1", group: "processes = 1", mount: "script-reloading = true", steps: touchIdle,
		},
	}
}

func reloadInFlight(s *subject) []string {
	old := s.begin(inFlight)
	time.Sleep(pause)
	said := make(chan string, 1)
	go func() { said <- s.reload() }()
	time.Sleep(pause / 5)
	fresh := s.get("/pid")
	return append([]string{"in flight: " + (<-old).String(), "new request meanwhile: " + fresh.String()}, failed("reload", <-said)...)
}

// reloadHalfway: the connection is taken, and the head is not yet whole.
func reloadHalfway(s *subject) []string {
	conn, err := s.dial()
	if err != nil {
		return []string{"cannot connect: " + err.Error()}
	}
	defer conn.Close()
	begun := time.Now()
	_ = conn.SetDeadline(begun.Add(waitAtMost))
	const half = "GET /pid HTTP/1.1\r\nHost:"
	if _, err := io.WriteString(conn, half); err != nil {
		return []string{"cannot send: " + err.Error()}
	}
	time.Sleep(pause)
	said := s.reload()
	time.Sleep(pause)
	sent := time.Now()
	_, _ = io.WriteString(conn, " faults\r\n\r\n")
	return append([]string{await(conn, sent).String() + " of its end"}, failed("reload", said)...)
}

func touchInFlight(s *subject) []string {
	old := s.begin(inFlight)
	time.Sleep(pause)
	if err := s.touch(); err != nil {
		return []string{err.Error()}
	}
	time.Sleep(pause / 5)
	fresh := s.get("/pid")
	return []string{"in flight: " + (<-old).String(), "next request: " + fresh.String()}
}

func touchIdle(s *subject) []string {
	before := s.pid()
	if err := s.touch(); err != nil {
		return []string{err.Error()}
	}
	next := s.get("/pid")
	facts := []string{"next request: " + next.String()}
	begun := time.Now()
	for next.body == before && time.Since(begun) < waitAtMost {
		time.Sleep(pause / 20)
		next = s.get("/pid")
	}
	if next.body == before {
		return append(facts, "no new process within "+seconds(time.Since(begun)))
	}
	return append(facts, "new process after "+seconds(time.Since(begun)))
}

// failed tells of a command that did.
func failed(what, said string) []string {
	if said == "" {
		return nil
	}
	return []string{what + ": " + said}
}
