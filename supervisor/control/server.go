package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// SocketName is the name of the socket in a supervisor's runtime directory.
const SocketName = "control"

// Request is what a client asks for.
type Request struct {
	// Verb is what to do.
	Verb string `json:"verb"`
	// Wait has a verb that takes its time answered at its end, not at once.
	Wait bool `json:"wait,omitempty"`
}

// Reply is the answer.
type Reply struct {
	// Error is why it was not done; "" when it was.
	Error string `json:"error,omitempty"`
	// Text is what there is to say about it.
	Text string `json:"text,omitempty"`
}

// maxRequest bounds a request, in bytes.
const maxRequest = 64 << 10

// requestTime is how long a client has to say what it wants.
const requestTime = 5 * time.Second

// Verb does something. ctx ends with the server, not with the client: what was
// begun is finished.
type Verb func(ctx context.Context, r Request) (text string, err error)

// Server answers requests on a control socket.
type Server struct {
	verbs    map[string]Verb
	log      *slog.Logger
	listener *net.UnixListener
	running  sync.WaitGroup
	end      context.CancelFunc
}

// Listen opens the control socket at path, in the place of one that may be
// there, and answers requests until Close.
func Listen(path string, verbs map[string]Verb, log *slog.Logger) (*Server, error) {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot make the control socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot make the control socket: %w", err)
	}
	listener.SetUnlinkOnClose(false) // by then the path may be another supervisor's
	err = os.Chmod(fresh, 0o660)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make the control socket: %w", err), listener.Close())
	}
	ctx, end := context.WithCancel(context.Background())
	s := &Server{verbs: verbs, log: log, listener: listener, end: end}
	s.running.Go(func() { s.accept(ctx) })
	return s, nil
}

// Close ends the verbs that are under way and waits for them.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.end()
	s.running.Wait()
	return err
}

func (s *Server) accept(ctx context.Context) {
	for {
		conn, err := s.listener.AcceptUnix()
		switch {
		case err == nil:
			s.running.Go(func() { s.serve(ctx, conn) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.log.Error("cannot accept a control connection for now", "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *Server) serve(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	var request Request
	_ = conn.SetReadDeadline(time.Now().Add(requestTime))
	line, err := bufio.NewReader(io.LimitReader(conn, maxRequest)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &request)
	}
	var reply Reply
	switch verb := s.verbs[request.Verb]; {
	case err != nil:
		reply.Error = "cannot read the request: " + err.Error()
	case verb == nil:
		reply.Error = fmt.Sprintf("there is no verb %q", request.Verb)
	default:
		text, err := verb(ctx, request)
		reply.Text = text
		if err != nil {
			reply.Error = err.Error()
		}
	}
	text, err := json.Marshal(reply)
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(requestTime))
		_, err = conn.Write(append(text, '\n'))
	}
	if err != nil {
		s.log.Debug("cannot answer a control request", "verb", request.Verb, "err", err)
	}
}
