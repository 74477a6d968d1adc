package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// within bounds every wait of these tests.
const within = 5 * time.Second

// app is a Handler: it reads bodies, unless early keeps it from that, and has
// answer produce the response in a goroutine of its own, as a daemon group does.
type app struct {
	early  func(x *exchange) bool // in Handle, before the body; false leaves the body alone
	answer func(x *exchange)
	gone   chan string // targets of exchanges whose client closed its side
	done   atomic.Int64

	producing sync.WaitGroup
}

// exchange is what a test sees of a request.
type exchange struct {
	conn           *Conn
	serial         uint64
	method, target string
	body           []byte
}

func (a *app) Handle(c *Conn) {
	x := &exchange{conn: c, serial: c.Response.Serial(), method: string(c.Request.Method), target: string(c.Request.Target)}
	c.State = x.target
	if a.early == nil || a.early(x) {
		var err error
		if x.body, err = readAll(c, 3000); err != nil {
			x.refuse(err)
			return
		}
	}
	a.producing.Go(func() { a.answer(x) })
}

func readAll(c *Conn, size int) ([]byte, error) {
	var all []byte
	for p := make([]byte, size); ; {
		n, err := c.ReadBody(p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func (x *exchange) refuse(err error) {
	var refusal *Error
	if errors.As(err, &refusal) {
		x.conn.Response.Error(x.serial, refusal.Status, refusal.Reason, "")
		return
	}
	x.conn.Response.Abort(x.serial)
}

func (*app) Refuse(_ *Conn, err *Error) (contentType, text, fields string) {
	return PlainText, err.Reason + "\n", "X-Refused: yes\r\n"
}

func (a *app) Gone(c *Conn) {
	if a.gone != nil {
		a.gone <- c.State.(string)
	}
}

func (a *app) Done(*Conn) { a.done.Add(1) }

// served is a running server.
type served struct {
	t        testing.TB
	app      *app
	server   *Server
	listener *Listener
	address  net.Addr
	serving  sync.WaitGroup
	stop     func()
}

// serve starts a server on a loopback port; the test's end stops it.
func serve(t testing.TB, a *app, change func(*Options)) *served {
	t.Helper()
	source, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, source, a, change)
}

func serveUnix(t testing.TB, a *app, change func(*Options)) *served {
	t.Helper()
	source, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, source, a, change)
}

func serveOn(t testing.TB, source net.Listener, a *app, change func(*Options)) *served {
	t.Helper()
	listener, err := NewListener(source)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	o := Options{
		Limits: DefaultLimits(), HeaderTimeout: within, BodyTimeout: within, KeepAliveTimeout: within,
		SendTimeout: within, MaxConnections: 5000, ResponseSpool: 1 << 20, Software: "test",
		BodyBuffer: 4 << 10,
		Logger:     slog.New(slog.DiscardHandler),
		Spool: func() (*os.File, error) {
			f, err := os.CreateTemp(directory, "")
			if err == nil {
				err = os.Remove(f.Name())
			}
			return f, err
		},
	}
	if change != nil {
		change(&o)
	}
	s := &served{t: t, app: a, server: NewServer(o, a), listener: listener, address: source.Addr()}
	s.serving.Go(func() {
		if err := s.server.Serve(listener); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	s.stop = sync.OnceFunc(func() {
		listener.Close()
		s.server.Close()
		s.serving.Wait()
		a.producing.Wait()
	})
	t.Cleanup(s.stop)
	return s
}

// client is a connection that a test plays by hand.
type client struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (s *served) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.DialTimeout(s.address.Network(), s.address.String(), within)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(within))
	return &client{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("cannot send: %v", err)
	}
}

// reply is a response as another HTTP implementation reads it.
type reply struct {
	status int
	header http.Header
	body   string
	close  bool
}

func (c *client) receive(method string) reply {
	c.t.Helper()
	r, err := c.tryReceive(method)
	if err != nil {
		c.t.Fatalf("no response: %v", err)
	}
	return r
}

func (c *client) tryReceive(method string) (reply, error) {
	r, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(r.Body)
	return reply{status: r.StatusCode, header: r.Header, body: string(body), close: r.Close}, err
}

// ended fails the test unless the server has closed the connection.
func (c *client) ended() {
	c.t.Helper()
	if b, err := c.in.ReadByte(); err != io.EOF {
		c.t.Fatalf("the connection is not at its end: byte %q, error %v", b, err)
	}
}

// rest reads to the end of the connection; the error is that of a reset.
func (c *client) rest() (string, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(c.in)
	return b.String(), err
}

func (c *client) exchange(request string) reply {
	c.t.Helper()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.receive(method)
}

// head is a response head as it comes over the worker link.
func head(status string, fields ...string) Head {
	return Head{Block: []byte(strings.Join(append([]string{status}, fields...), "\x00")), Count: len(fields) / 2, MaxLine: 8190}
}

// tight is a piece without room around it.
func tight(s string) Piece { return Piece{Buf: []byte(s), End: len(s)} }

// roomy is a piece with room for the engine's framing on both sides.
func roomy(s string) Piece {
	const front, back = 1024, 16
	buf := bytes.Repeat([]byte{'#'}, front+len(s)+back)
	copy(buf[front:], s)
	return Piece{Buf: buf, Start: front, End: front + len(s)}
}

func (x *exchange) complete(status, body string, fields ...string) error {
	return x.conn.Response.Complete(x.serial, head(status, fields...), tight(body))
}

var dateLine = regexp.MustCompile(`Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n`)

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func getTarget(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func post(n int) string {
	return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + strconv.Itoa(n) + "\r\n\r\n"
}

// await receives from a channel that something must come from.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// wasReset reports whether err is that of a connection that was reset.
func wasReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
