package front

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// recorded is a request as the engine would read it.
type recorded struct {
	method, target, host string
	fields               []string // "name: value", the names in lower case; without Host and framing
	body                 string
}

// recorder stands in for the engine: it reads with the engine's parsers, and answers.
type recorder struct {
	mu      sync.Mutex
	all     []recorded
	refused []error
}

func (e *recorder) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		var input []byte
		for e.exchange(ours, &input) {
		}
	}()
	return theirs, nil
}

// exchange reads one request and answers it. It reports whether another may come.
func (e *recorder) exchange(conn net.Conn, input *[]byte) bool {
	more := func() bool {
		buffer := make([]byte, 4096)
		n, err := conn.Read(buffer)
		*input = append(*input, buffer[:n]...)
		return err == nil
	}
	limits := http1.DefaultLimits()
	var scanner http1.Scanner
	var request http1.Request
	for {
		end, err := scanner.Scan(*input, &limits)
		if err == nil && end == 0 {
			if !more() {
				return false
			}
			continue
		}
		if err == nil {
			err = request.Parse((*input)[:end:end], &limits)
		}
		if err != nil {
			e.mu.Lock()
			e.refused = append(e.refused, err)
			e.mu.Unlock()
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return false
		}
		*input = (*input)[end:]
		break
	}
	got := describeRequest(&request)
	body, ok := readWhole(&request, input, more)
	if !ok {
		return false // it was given up
	}
	got.body = body
	e.mu.Lock()
	e.all = append(e.all, got)
	e.mu.Unlock()
	_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	return err == nil
}

func describeRequest(r *http1.Request) recorded {
	got := recorded{method: string(r.Method), target: string(r.Target), host: string(r.Host)}
	for _, f := range r.Fields {
		switch name := strings.ToLower(string(f.Name)); name {
		case "host", "content-length", "transfer-encoding":
		default:
			got.fields = append(got.fields, name+": "+string(f.Value))
		}
	}
	slices.Sort(got.fields)
	return got
}

func readWhole(r *http1.Request, input *[]byte, more func() bool) (string, bool) {
	if !r.Chunked {
		for int64(len(*input)) < r.ContentLength {
			if !more() {
				return "", false
			}
		}
		body := string((*input)[:r.ContentLength])
		*input = (*input)[r.ContentLength:]
		return body, true
	}
	var chunks http1.Chunked
	var body []byte
	for !chunks.Done() {
		if len(*input) == 0 && !more() {
			return "", false
		}
		data, n, err := chunks.Next(*input)
		if err != nil {
			return "", false
		}
		body = append(body, data...)
		*input = (*input)[n:]
	}
	return string(body), true
}

// speakHTTP2 has frames, behind the preface and settings, served; until says whether a
// frame of the server is the last that is waited for. The end of the connection, or a word
// of it, is, too.
func speakHTTP2(t *testing.T, f *Front, engine *recorder, input []byte, until func(http2.Frame, error) bool) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	to := &translator{relays: f.relays, engine: engine.dial}
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer to.close()
		defer theirs.Close()
		f.relays.translate(theirs, f.conf.Load(), to)
	}()
	_ = ours.SetDeadline(time.Now().Add(within))
	go func() {
		begin := append([]byte(http2.ClientPreface), 0, 0, 0, 4, 0, 0, 0, 0, 0)
		_, _ = ours.Write(slices.Concat(begin, input))
	}()
	reader := http2.NewFramer(nil, ours)
	reader.AllowIllegalReads = true
	for {
		frame, err := reader.ReadFrame()
		if _, goAway := frame.(*http2.GoAwayFrame); goAway || errors.Is(err, io.EOF) {
			return // after which the server gives a client a second to read it
		}
		if until(frame, err) {
			break
		}
		if err != nil {
			t.Fatalf("the server has not answered: %v", err)
		}
	}
	ours.Close()
	select {
	case <-served:
	case <-time.After(within):
		t.Fatal("the connection goes on without a client")
	}
}

// frameOf is a frame as it is sent.
func frameOf(kind http2.FrameType, flags http2.Flags, stream byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), byte(flags), 0, 0, 0, stream}, payload...)
}

func headersOf(t testing.TB, flags http2.Flags, stream byte, fields ...string) []byte {
	var block bytes.Buffer
	coder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		if err := coder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	return frameOf(http2.FrameHeaders, flags, stream, block.Bytes())
}

const (
	headEnd = http2.FlagHeadersEndHeaders
	allEnd  = http2.FlagHeadersEndHeaders | http2.FlagHeadersEndStream
)
