package main

import (
	"syscall"
	"time"
)

// processes end, or are told to.
func processes() []experiment {
	return []experiment{
		{id: "E12", title: "the sockets between front end and processes are removed from the file system", steps: removeSockets},
		{id: "E13", title: "kill -9 of the only process, idle", daemon: "processes=1", group: "processes = 1", steps: killIdle},
		{id: "E13", title: "kill -9 of the only process, with a request in flight", daemon: "processes=1", group: "processes = 1", steps: killBusy},
		{
			id: "E17", title: "processes told to end from outside (SIGUSR1; SIGTERM to the leader), with a request of 8 s, eviction-timeout 60",
			daemon: "processes=1 eviction-timeout=60", group: "processes = 1\neviction-timeout = 60", steps: evict,
		},
	}
}

func removeSockets(s *subject) []string {
	if err := s.unlink(); err != nil {
		return []string{err.Error()}
	}
	facts := []string{"next request: " + s.get("/pid").String()}
	facts = append(facts, failed("reload", s.reload())...)
	return append(facts, "request after a reload: "+s.get("/pid").String())
}

func killIdle(s *subject) []string {
	if err := s.signal(s.pid(), syscall.SIGKILL); err != nil {
		return []string{err.Error()}
	}
	return []string{"next request: " + s.get("/pid").String()}
}

func killBusy(s *subject) []string {
	pid := s.pid()
	busy := s.begin(inFlight)
	time.Sleep(pause)
	begun := time.Now()
	if err := s.signal(pid, syscall.SIGKILL); err != nil {
		return []string{err.Error()}
	}
	first := <-busy
	first.took = time.Since(begun)
	return []string{"in flight: " + first.String(), "next request: " + s.get("/pid").String()}
}

func evict(s *subject) []string {
	pid := s.pid()
	old := s.begin(inFlight)
	time.Sleep(pause)
	if err := s.evict(pid); err != nil {
		return []string{err.Error()}
	}
	time.Sleep(pause / 5)
	fresh := s.get("/pid")
	facts := []string{"in flight: " + (<-old).String(), "new request meanwhile: " + fresh.String()}
	if time.Sleep(2 * pause); s.pid() == pid {
		return append(facts, "the process stayed")
	}
	return append(facts, "then another process")
}
