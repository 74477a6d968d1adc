package front

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
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

// FuzzHTTP2Request: whatever a client puts into a request, the engine reads the same of
// it, and nothing besides; or the request is refused.
func FuzzHTTP2Request(f *testing.F) {
	front := newFront(f, nil)
	f.Add("GET", "/", "a.example", "", "x", "y", "", "")
	f.Add("POST", "/x%20y?q=%41;z", "a.example:443", "", "cookie", "a=b", "", "body")
	f.Add("POST", "/", "a", "a", "content-type", "text/plain", "4", "body")
	f.Add("POST", "/", "a", "b", "te", "trailers", "5", "body")
	f.Add("GET", "/?x HTTP/1.1", "a", "", "x", "y\r\nHost: b", "", "")
	f.Add("GET /y HTTP/1.1\r\nx:", "/", "a\r\nTransfer-Encoding: chunked", "", "transfer-encoding", "chunked", "", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
	f.Add("PUT", "/", "a", "", "x", "y", "0", "body")
	f.Add("PUT", "/", "a", "", "x", "y", "3", "body")
	f.Add("OPTIONS", "*", "", "a", "x", " y", "", "")
	f.Add("GET", "http://b/", "a", "", "expect", "100-continue", "0", "")
	f.Add("GET", "//b/", "[::1]:80", "", "trailer", "x", "1, 1", "0")
	f.Add("CONNECT", "", "a:80", "", "connection", "close", "+1", "0")
	f.Fuzz(func(t *testing.T, method, path, authority, host, name, value, length, body string) {
		if len(method)+len(path)+len(authority)+len(host)+len(name)+len(value)+len(body) > 8<<10 {
			t.Skip("larger than what is looked at here")
		}
		fields := []string{":method", method}
		if method != "CONNECT" {
			fields = append(fields, ":scheme", "https", ":path", path)
		}
		if authority != "" {
			fields = append(fields, ":authority", authority)
		}
		if host != "" {
			fields = append(fields, "host", host)
		}
		if length != "" {
			fields = append(fields, "content-length", length)
		}
		fields = append(fields, name, value)
		input := headersOf(t, allEnd, 1, fields...)
		if body != "" {
			input = append(headersOf(t, headEnd, 1, fields...), frameOf(http2.FrameData, http2.FlagDataEndStream, 1, []byte(body))...)
		}
		var engine recorder
		speakHTTP2(t, front, &engine, input, func(frame http2.Frame, err error) bool {
			switch frame := frame.(type) {
			case *http2.RSTStreamFrame:
				return true
			case *http2.HeadersFrame:
				return frame.StreamEnded()
			case *http2.DataFrame:
				return frame.StreamEnded()
			}
			return false
		})
		engine.mu.Lock()
		defer engine.mu.Unlock()
		if len(engine.all)+len(engine.refused) > 1 {
			t.Fatalf("one request became several: %q, refused %v", engine.all, engine.refused)
		}
		if len(engine.all) == 0 {
			return
		}
		want := recorded{method: method, target: path, host: authority, body: body}
		if method == "CONNECT" {
			want.target = authority
		}
		if authority == "" {
			want.host = host
		}
		if authority+host == "" && name == "host" {
			want.host = value
		}
		if !dropped(name) && !isOwnPseudo(name) {
			want.fields = []string{name + ": " + value}
		}
		got := engine.all[0]
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("the engine reads %q, the client has sent %q", got, want)
		}
		if authority != "" && host != "" && authority != host {
			t.Fatalf("two hosts, %q and %q, and the engine has been asked", authority, host)
		}
		if n, err := strconv.Atoi(length); length != "" && (err != nil || n != len(body)) {
			t.Fatalf("Content-Length %q with %d bytes, and the engine has been asked", length, len(body))
		}
	})
}

// dropped names the fields that mean a hop, or are sent in another way.
func dropped(name string) bool {
	switch name {
	case "host", "content-length", "te", "trailer", "expect":
		return true
	}
	return false
}

func isOwnPseudo(name string) bool { return strings.HasPrefix(name, ":") }

// FuzzHTTP2 serves any frames: the engine gets no request but those that are in them, as
// the header blocks have them, and the end of a client ends the connection.
func FuzzHTTP2(f *testing.F) {
	front := newFront(f, nil)
	get := []string{":method", "GET", ":scheme", "https", ":path", "/x", ":authority", "a"}
	post := []string{":method", "POST", ":scheme", "https", ":path", "/y", ":authority", "a"}
	f.Add(headersOf(f, allEnd, 1, get...))
	f.Add(append(headersOf(f, headEnd, 1, post...), frameOf(http2.FrameData, http2.FlagDataEndStream, 1, []byte("body"))...))
	f.Add(append(headersOf(f, headEnd, 1, append(post, "content-length", "9")...), frameOf(http2.FrameData, http2.FlagDataEndStream, 1, []byte("body"))...))
	f.Add(append(headersOf(f, headEnd, 1, post...), headersOf(f, allEnd, 1, "x", "y")...))
	f.Add(append(headersOf(f, headEnd, 1, post...), frameOf(http2.FrameRSTStream, 0, 1, []byte{0, 0, 0, 8})...))
	f.Add(append(headersOf(f, http2.FlagHeadersEndStream, 1, get...), frameOf(http2.FrameContinuation, headEnd, 1, nil)...))
	f.Add(append(frameOf(http2.FrameSettings, 0, 0, []byte{0, 4, 0, 0, 0, 0}), headersOf(f, allEnd, 3, append(get, "te", "gzip")...)...))
	f.Add(append(frameOf(http2.FramePriority, 0, 5, []byte{0, 0, 0, 5, 1}), frameOf(http2.FrameWindowUpdate, 0, 0, []byte{127, 255, 255, 255})...))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 8<<10 {
			t.Skip("larger than what is looked at here")
		}
		input = wholeFrames(input) // one that is cut off would take the ping for its payload
		var engine recorder
		ping := frameOf(http2.FramePing, 0, 0, []byte("all sent"))
		speakHTTP2(t, front, &engine, slices.Concat(input, ping), func(frame http2.Frame, err error) bool {
			pong, is := frame.(*http2.PingFrame)
			return is && string(pong.Data[:]) == "all sent"
		})
		sent := requestsIn(input)
		engine.mu.Lock()
		defer engine.mu.Unlock()
		if len(engine.all)+len(engine.refused) > len(sent) {
			t.Fatalf("%d requests were sent, the engine has got %q and refused %v", len(sent), engine.all, engine.refused)
		}
		for _, got := range engine.all {
			if !slices.Contains(sent, got.method+" "+got.target+" "+got.host) {
				t.Fatalf("the engine has got %q, sent were %q", got, sent)
			}
		}
	})
}

// wholeFrames is the input without a last frame that is not all there.
func wholeFrames(input []byte) []byte {
	const head = 9
	end := 0
	for rest := input; len(rest) >= head; rest = input[end:] {
		n := head + (int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2]))
		if n > len(rest) {
			break
		}
		end += n
	}
	return input[:end]
}

// requestsIn are the requests that frames hold: method, target and host.
func requestsIn(input []byte) []string {
	reader := http2.NewFramer(nil, bytes.NewReader(input))
	reader.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var all []string
	for {
		frame, err := reader.ReadFrame()
		var stream http2.StreamError
		if errors.As(err, &stream) {
			continue
		}
		if err != nil {
			return all
		}
		head, is := frame.(*http2.MetaHeadersFrame)
		if !is {
			continue
		}
		host := head.PseudoValue("authority")
		for _, field := range head.RegularFields() {
			if field.Name == "host" && host == "" {
				host = field.Value
			}
		}
		target := head.PseudoValue("path")
		if head.PseudoValue("method") == "CONNECT" {
			target = host
		}
		all = append(all, head.PseudoValue("method")+" "+target+" "+host)
	}
}
