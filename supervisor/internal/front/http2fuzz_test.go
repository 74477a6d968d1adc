package front

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
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
			t.Skip("more than 8 KiB: not proved what becomes of larger input")
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
			t.Skip("more than 8 KiB: not proved what becomes of larger input")
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
