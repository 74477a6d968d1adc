package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// StartLimit is how long a server may take to its first answer.
const StartLimit = 20 * time.Second

// Instance is a server that is up, serving one application.
type Instance struct {
	Kind Kind
	Site Site

	children []*child
	started  time.Time // just before the first process
}

// Start starts the processes and returns at once; see AwaitFirst. The site's
// directory is made here.
func Start(k Kind, s Site) (*Instance, error) {
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make run directory: %w", err)
	}
	if err := s.Account.Own(s.Dir); err != nil {
		return nil, err
	}
	commands, err := k.commands(s)
	if err != nil {
		return nil, err
	}
	in := &Instance{Kind: k, Site: s, started: time.Now()}
	for _, cmd := range commands {
		c, err := startChild(cmd)
		closeLog(cmd)
		if err != nil {
			return nil, errors.Join(err, in.Stop())
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

// AwaitFirst asks for the target until there is a 200, and returns the time from the
// start until that has been read. It connects anew, at most once a millisecond: neither a refused connection nor a
// gateway's 502 tells when the next try would do.
func (in *Instance) AwaitFirst(ctx context.Context, target string) (time.Duration, error) {
	deadline := in.started.Add(StartLimit)
	for {
		var err error
		if err = in.try(target); err == nil {
			return time.Since(in.started), nil
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if in.anyEnded() || time.Now().After(deadline) {
			return 0, fmt.Errorf("cannot get an answer from %s: %w%s", in.Kind.Name, err, in.LogTail())
		}
		time.Sleep(time.Millisecond)
	}
}

// try asks once, on a connection of its own.
func (in *Instance) try(target string) error {
	c, err := net.DialTimeout("tcp", in.Address(), time.Second)
	if err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return fmt.Errorf("cannot set deadline: %w", err)
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target); err != nil {
		return fmt.Errorf("cannot send: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("cannot read head: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return fmt.Errorf("cannot read body: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

func (in *Instance) anyEnded() bool {
	for _, c := range in.children {
		if c.ended() {
			return true
		}
	}
	return false
}

// LogTail gives the end of the server's logs, each line on one of its own.
func (in *Instance) LogTail() string {
	logs, _ := filepath.Glob(filepath.Join(in.Site.Dir, "*.log")) // the pattern is well formed
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

// Address is where it listens.
func (in *Instance) Address() string { return fmt.Sprintf("127.0.0.1:%d", in.Site.Port) }

// SecureAddress is where it speaks TLS; only for a site with it.
func (in *Instance) SecureAddress() string { return fmt.Sprintf("127.0.0.1:%d", in.Site.TLS.Port) }

// PIDs are those of the processes started here; whatever else runs descends from them.
func (in *Instance) PIDs() []int {
	pids := make([]int, len(in.children))
	for i, c := range in.children {
		pids[i] = c.pid()
	}
	return pids
}

// Stop ends every process of the server. It may be called again.
func (in *Instance) Stop() error {
	children := in.children
	in.children = nil
	if len(children) == 0 {
		return nil
	}
	if err := stopChildren(children, stopGrace); err != nil {
		return fmt.Errorf("cannot stop %s: %w", in.Kind.Name, err)
	}
	return nil
}

// FreePort finds a port from first on that nothing listens on. They lie below the
// range that outgoing connections take theirs from (ip_local_port_range, ip(7)).
func FreePort(first int) (int, error) {
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
