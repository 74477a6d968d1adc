package main

import (
	"net"
	"strings"
	"syscall"
	"time"
)

// subject is a server that an experiment is made with. What it cannot do is nil.
type subject struct {
	dial func() (net.Conn, error)
	// checked is what the program that checks configurations said of this one.
	checked string
	// started is what starting it said; "" when it started.
	started string

	// reload is how an administrator has new code or configuration taken on. It returns
	// when that command does, with what it said if it failed.
	reload func() string
	// touch gives the application's file another time of modification.
	touch func() error
	// signal sends a signal to a process that the application named.
	signal func(pid string, signal syscall.Signal) error
	// evict ends the application's processes from outside, as gracefully as can be.
	evict func(pid string) error
	// unlink removes the sockets between front end and processes from the file system.
	unlink func() error
}

func (s *subject) get(target string) outcome { return exchange(s.dial, get(target), waitAtMost) }

// begin is get beside the experiment.
func (s *subject) begin(target string) <-chan outcome {
	done := make(chan outcome, 1)
	go func() { done <- s.get(target) }()
	return done
}

// pid is the process that answers.
func (s *subject) pid() string { return strings.TrimSpace(s.get("/pid").body) }

// up waits until an answer is 200: a server that has just been started.
func (s *subject) up() bool {
	for end := time.Now().Add(waitAtMost); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if exchange(s.dial, get("/pid"), waitAtMost).status == 200 {
			return true
		}
	}
	return false
}

// reachable waits until somebody listens, whatever the answers will be.
func (s *subject) reachable() {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if conn, err := s.dial(); err == nil {
			conn.Close()
			return
		}
	}
}
