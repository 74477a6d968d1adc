package load

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// within bounds every wait of these tests.
	within = 20 * time.Second

	misbehavesAt = 3 // the request, counted over all connections
	enoughAt     = 6
)

// fake is a server that answers as app.py does, but for one request.
type fake struct {
	listener  net.Listener
	misbehave func(*asked) (goOn bool)
	enough    chan struct{} // closed at request enoughAt
	handlers  sync.WaitGroup

	mu    sync.Mutex
	total int
	all   []net.Conn
	last  string // answer
}

// asked is one request to a fake.
type asked struct {
	fake   *fake
	conn   net.Conn
	reader *bufio.Reader
	id     string
	query  map[string][]string
	length int64 // of the body; -1: chunked
	body   io.Reader
	closes bool
	number int // in all
}

// newFake serves on a socket of the network, "tcp" or "unix".
func newFake(t *testing.T, network string, misbehave func(*asked) bool) *fake {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{listener: listener, misbehave: misbehave, enough: make(chan struct{})}
	f.handlers.Go(f.accept)
	t.Cleanup(func() {
		listener.Close()
		f.mu.Lock()
		for _, c := range f.all {
			c.Close()
		}
		f.mu.Unlock()
		f.handlers.Wait()
	})
	return f
}

func (f *fake) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, f.listener.Addr().Network(), f.listener.Addr().String())
}

func (f *fake) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.all = append(f.all, c)
		f.mu.Unlock()
		f.handlers.Go(func() { f.serve(c) })
	}
}

func (f *fake) serve(c net.Conn) {
	reader := bufio.NewReader(c)
	for {
		a, err := f.read(c, reader)
		if err != nil {
			return
		}
		goOn := !a.closes
		if a.number == misbehavesAt && f.misbehave != nil {
			goOn = f.misbehave(a)
		} else {
			a.answer()
		}
		if a.number == enoughAt {
			close(f.enough)
		}
		if !goOn {
			c.Close()
			return
		}
	}
}

func (f *fake) read(c net.Conn, reader *bufio.Reader) (*asked, error) {
	r, err := http.ReadRequest(reader)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total++
	return &asked{
		fake: f, conn: c, reader: reader, id: r.Header.Get("X-Load-Id"), query: r.URL.Query(),
		length: r.ContentLength, body: r.Body, closes: r.Close, number: f.total,
	}, nil
}

// send writes text as it stands.
func (a *asked) send(text string) { _, _ = io.WriteString(a.conn, text) }

// answer is what app.py answers.
func (a *asked) answer() {
	all := a.head("") + a.content()
	a.fake.mu.Lock()
	a.fake.last = all
	a.fake.mu.Unlock()
	a.send(all)
}

// identity is the fields of app.py.
func (a *asked) identity() string {
	return fmt.Sprintf("X-Load-Id: %s\r\nX-Load-Pid: 7\r\nX-Load-Process: p\r\nX-Load-Token: %d\r\nX-Load-Generation: g\r\n",
		a.id, a.number)
}

// head has further fields, and a Content-Length unless one of these frames the body.
func (a *asked) head(fields string) string {
	if fields == "" {
		fields = "Content-Length: " + strconv.Itoa(len(a.content())) + "\r\n"
	}
	return "HTTP/1.1 200 OK\r\n" + a.identity() + fields + "\r\n"
}

// content is the body of the right answer.
func (a *asked) content() string {
	switch {
	case a.query["seed"] != nil:
		seed, _ := strconv.ParseUint(a.query["seed"][0], 10, 64)
		size, _ := strconv.Atoi(a.query["bytes"][0])
		p := pattern{seed: seed}
		var b []byte
		for len(b) < size {
			b = append(b, p.next(size-len(b))...)
		}
		return string(b)
	case a.length != 0:
		digest := sha256.New()
		n, _ := io.Copy(digest, a.body)
		// The body can be read once; the second call has to give the same.
		sum := hex.EncodeToString(digest.Sum(nil))
		a.length = 0
		a.query = map[string][]string{"sum": {fmt.Sprintf("%s %d %s\n", sum, n, a.id)}}
		return a.content()
	case a.query["sum"] != nil:
		return a.query["sum"][0]
	case a.query["s"] != nil:
		return "slept " + a.id + "\n"
	}
	return "hello " + a.id + "\n"
}

// chunks frames pieces, without the last chunk.
func chunks(pieces ...string) string {
	var all string
	for _, p := range pieces {
		all += fmt.Sprintf("%x\r\n%s\r\n", len(p), p)
	}
	return all
}

// reset ends the connection with a RST.
func (a *asked) reset() {
	_ = a.conn.(*net.TCPConn).SetLinger(0)
	a.conn.Close()
}
