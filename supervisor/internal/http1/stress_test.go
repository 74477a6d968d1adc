package http1

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Random clients against random applications: whatever looks complete to a
// client is exactly what the application produced for its request, in order.
func TestStress(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const clients, rounds = 12, 25
	text := pattern(3 << 20)
	var complete atomic.Int64
	a := &app{}
	a.answer = func(x *exchange) { behave(x, text) }
	s := serve(t, a, func(o *Options) { o.ResponseSpool, o.SendTimeout = 256<<10, time.Second })
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for range rounds {
				if err := playRandomly(s, random, text, &complete); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	eventually(t, "the connections to end", func() bool { return s.server.Open() == 0 })
	s.stop()
	if n := ours(); n != 0 {
		t.Errorf("%d goroutines are left", n)
	}
	if complete.Load() < clients {
		t.Errorf("only %d complete responses", complete.Load())
	}
	t.Logf("%d complete responses", complete.Load())
}

// behave answers as the target says: /HOW/START/LENGTH.
func behave(x *exchange, text string) {
	part := strings.Split(x.target, "/")
	start, _ := strconv.Atoi(part[2])
	length, _ := strconv.Atoi(part[3])
	body := text[start:start+length] + string(x.body)
	r := &x.conn.Response
	declared := head("200 OK", "Content-Length", strconv.Itoa(len(body)))
	switch part[1] {
	case "complete":
		_ = r.Complete(x.serial, head("200 OK"), roomy(body))
	case "chunked":
		x.produce(head("200 OK"), body)
	case "declared":
		x.produce(declared, body)
	case "abort":
		_, _ = r.Start(x.serial, head("200 OK"), tight(body))
		r.Abort(x.serial)
	case "short":
		_, _ = r.Start(x.serial, head("200 OK", "Content-Length", strconv.Itoa(len(body)+1)), tight(body))
		_ = r.End(x.serial)
	case "late":
		_ = r.Complete(x.serial, declared, tight(body))
		r.Error(x.serial, 500, "late", "")
		_ = r.End(x.serial)
	}
}

func (x *exchange) produce(h Head, body string) {
	r := &x.conn.Response
	over, err := r.Start(x.serial, h, tight(""))
	for len(body) > 0 && !over && err == nil {
		n := min(len(body), 70_000)
		err = x.data(roomy(body[:n]))
		body = body[n:]
	}
	_ = r.End(x.serial)
}

var behaviours = []string{"complete", "chunked", "declared", "late", "complete", "declared", "abort", "short"}

// wish is a request of a random client and what must come back.
type wish struct {
	request, want string
	broken        bool
}

func randomWish(random *rand.Rand, text string) wish {
	how := behaviours[random.IntN(len(behaviours))]
	length := random.IntN(3000)
	if random.IntN(6) == 0 {
		length = random.IntN(1 << 20)
	}
	start := random.IntN(len(text) - length)
	body := text[start : start+random.IntN(min(length+1, 20_000))]
	w := wish{want: text[start:start+length] + body, broken: how == "abort" || how == "short"}
	line := fmt.Sprintf("/%s/%d/%d HTTP/1.1\r\nHost: h\r\n", how, start, length)
	switch random.IntN(3) {
	case 0:
		w.request, w.want = "GET "+line+"\r\n", text[start:start+length]
	case 1:
		w.request = "POST " + line + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	default:
		w.request = "POST " + line + "Transfer-Encoding: chunked\r\n\r\n"
		if len(body) > 0 {
			w.request += strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n"
		}
		w.request += "0\r\n\r\n"
	}
	return w
}

func playRandomly(s *served, random *rand.Rand, text string, complete *atomic.Int64) error {
	conn, err := net.Dial(s.address.Network(), s.address.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	wishes := make([]wish, 1+random.IntN(5))
	var requests strings.Builder
	for i := range wishes {
		wishes[i] = randomWish(random, text)
		requests.WriteString(wishes[i].request)
	}
	size := 1 + random.IntN(20_000)
	sent := make(chan struct{})
	go func() { defer close(sent); sendInPieces(conn, requests.String(), size) }()
	defer func() { conn.Close(); <-sent }()
	slow, leave := random.IntN(4) == 0, -1
	if random.IntN(4) == 0 {
		leave = random.IntN(len(wishes))
	}
	client := &client{Conn: conn}
	client.in = newSlowReader(conn, slow)
	for i, w := range wishes {
		if i == leave {
			return nil
		}
		got, err := client.tryReceive(w.request[:strings.IndexByte(w.request, ' ')])
		switch {
		case w.broken && err == nil:
			return fmt.Errorf("request %q: a broken response looks complete", firstLine(w.request))
		case w.broken:
			return nil
		case err != nil:
			return fmt.Errorf("request %q: %w", firstLine(w.request), err)
		case got.status != http.StatusOK || got.body != w.want:
			return fmt.Errorf("request %q: status %d, %d bytes where %d were due", firstLine(w.request), got.status, len(got.body), len(w.want))
		}
		complete.Add(1)
	}
	return nil
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\r\n"); return line }

func sendInPieces(conn net.Conn, text string, size int) {
	for len(text) > 0 {
		n := min(size, len(text))
		if _, err := io.WriteString(conn, text[:n]); err != nil {
			return // the server may have ended the connection, which the reader judges
		}
		text = text[n:]
	}
}

// slowReader reads little at a time, with pauses.
type slowReader struct{ net.Conn }

func (r slowReader) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return r.Conn.Read(p[:min(len(p), 20_000)])
}

func newSlowReader(conn net.Conn, slow bool) *bufio.Reader {
	if slow {
		return bufio.NewReaderSize(slowReader{conn}, 20_000)
	}
	return bufio.NewReader(conn)
}
