package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T, path string, verbs map[string]Verb) *Server {
	t.Helper()
	s, err := Listen(path, verbs, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestCall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	listen(t, path, map[string]Verb{
		"status": func(context.Context, Request) (string, error) { return "two\nlines", nil },
		"reload": func(context.Context, Request) (string, error) { return "", errors.New("group web: no module x") },
	})
	ctx := t.Context()
	if text, err := Call(ctx, path, Request{Verb: "status"}); err != nil || text != "two\nlines" {
		t.Errorf("status: %q, %v", text, err)
	}
	var said *Error
	if _, err := Call(ctx, path, Request{Verb: "reload"}); !errors.As(err, &said) || said.Text != "group web: no module x" {
		t.Errorf("reload: %v", err)
	}
	if _, err := Call(ctx, path, Request{Verb: "dance"}); !errors.As(err, &said) || !strings.Contains(said.Text, `no verb "dance"`) {
		t.Errorf("unknown verb: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
}

func TestCallNobody(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	if _, err := Call(t.Context(), path, Request{Verb: "status"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	listen(t, path, nil).Close()
	if _, err := Call(t.Context(), path, Request{Verb: "status"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody listens: %v", err)
	}
}

// A second supervisor takes the path over; the end of the first leaves it.
func TestListenInThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	say := func(text string) map[string]Verb {
		return map[string]Verb{"who": func(context.Context, Request) (string, error) { return text, nil }}
	}
	first := listen(t, path, say("first"))
	listen(t, path, say("second"))
	first.Close()
	if text, err := Call(t.Context(), path, Request{Verb: "who"}); err != nil || text != "second" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	listen(t, path, nil)
	for _, text := range []string{"nonsense\n", "[]\n", strings.Repeat("x", maxRequest+1)} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1000)
		n, err := conn.Read(answer)
		if !strings.Contains(string(answer[:n]), "cannot read the request") {
			t.Errorf("%.20q is answered %q, %v", text, answer[:n], err)
		}
		conn.Close()
	}
}

// Close ends a verb that waits, and the caller hears of it.
func TestCloseEndsVerbs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	begun := make(chan struct{})
	s := listen(t, path, map[string]Verb{"wait": func(ctx context.Context, _ Request) (string, error) {
		close(begun)
		<-ctx.Done()
		return "", ctx.Err()
	}})
	answered := make(chan error, 1)
	go func() {
		_, err := Call(context.Background(), path, Request{Verb: "wait"})
		answered <- err
	}()
	<-begun
	s.Close()
	var said *Error
	if err := <-answered; !errors.As(err, &said) {
		t.Errorf("the caller hears %v", err)
	}
}

func TestCallIsCutShort(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), SocketName)
	ctx, cancel := context.WithCancel(t.Context())
	listen(t, path, map[string]Verb{"wait": func(end context.Context, _ Request) (string, error) {
		cancel()
		<-end.Done()
		return "", nil
	}})
	if _, err := Call(ctx, path, Request{Verb: "wait"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
