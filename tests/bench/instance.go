package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startLimit is how long a server may take to its first answer.
const startLimit = 20 * time.Second

// instance is a server that is up, serving one application.
type instance struct {
	kind     kind
	site     site
	children []*child
	started  time.Time // just before the first process
}

// startInstance starts the processes and returns at once; see awaitFirst.
// The site's directory is made here.
func startInstance(k kind, s site) (*instance, error) {
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make run directory: %w", err)
	}
	if err := s.Account.own(s.Dir); err != nil {
		return nil, err
	}
	commands, err := k.commands(s)
	if err != nil {
		return nil, err
	}
	in := &instance{kind: k, site: s, started: time.Now()}
	for _, cmd := range commands {
		c, err := startChild(cmd)
		closeLog(cmd)
		if err != nil {
			return nil, errors.Join(err, in.stop())
		}
		in.children = append(in.children, c)
	}
	return in, nil
}

// closeLog drops our copy of the log file: the child has its own.
func closeLog(cmd *exec.Cmd) {
	if file, isFile := cmd.Stdout.(io.Closer); isFile {
		_ = file.Close() // nothing was written through it
	}
}

// awaitFirst returns the time from the start until a 200 has been read. It
// connects anew, at most once a millisecond: neither a refused connection nor a
// gateway's 502 tells when the next try would do.
func (in *instance) awaitFirst(ctx context.Context) (time.Duration, error) {
	deadline := in.started.Add(startLimit)
	for {
		took, err := in.tryFirst()
		if err == nil {
			return took, nil
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if in.anyEnded() || time.Now().After(deadline) {
			return 0, fmt.Errorf("cannot get an answer from %s: %w%s", in.kind.name, err, in.logTail())
		}
		time.Sleep(time.Millisecond)
	}
}

func (in *instance) tryFirst() (time.Duration, error) {
	c, err := dial(tcp(in.address()), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.close()
	reply, err := c.exchange(request{path: "/", close: true}, io.Discard)
	took := time.Since(in.started)
	if err == nil && reply.status != 200 {
		err = fmt.Errorf("status %d", reply.status)
	}
	return took, err
}

func (in *instance) anyEnded() bool {
	for _, c := range in.children {
		if c.ended() {
			return true
		}
	}
	return false
}

// logTail gives the end of the server's logs, each line on one of its own.
func (in *instance) logTail() string {
	logs, _ := filepath.Glob(filepath.Join(in.site.Dir, "*.log")) // the pattern is well formed
	var out strings.Builder
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		for _, line := range lines[max(0, len(lines)-15):] {
			fmt.Fprintf(&out, "\n    %s: %s", filepath.Base(name), line)
		}
	}
	return out.String()
}

func (in *instance) address() string { return fmt.Sprintf("127.0.0.1:%d", in.site.Port) }

// roots are the pids of the processes started here.
func (in *instance) roots() []int {
	pids := make([]int, len(in.children))
	for i, c := range in.children {
		pids[i] = c.pid()
	}
	return pids
}

// stop ends every process of the server. It may be called again.
func (in *instance) stop() error {
	children := in.children
	in.children = nil
	if len(children) == 0 {
		return nil
	}
	if err := stopChildren(children, stopGrace); err != nil {
		return fmt.Errorf("cannot stop %s: %w", in.kind.name, err)
	}
	return nil
}

// freePort finds a port from first on that nothing listens on. They lie below the
// range that outgoing connections take theirs from (ip_local_port_range, ip(7)).
func freePort(first int) (int, error) {
	for port := first; port < 30000; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("cannot close socket: %w", err)
		}
		return port, nil
	}
	return 0, errors.New("cannot find a free port")
}
