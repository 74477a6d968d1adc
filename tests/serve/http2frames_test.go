package serve_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a client of HTTP/2 that sends frames as a test has them, right or wrong.
type frames struct {
	t *testing.T
	net.Conn
	reader *http2.Framer
	block  bytes.Buffer
	coder  *hpack.Encoder
}

// newFrames begins HTTP/2 on a connection and takes the server's settings.
func newFrames(t *testing.T, conn net.Conn) *frames {
	t.Helper()
	c := framesOn(t, conn)
	c.text(http2.ClientPreface)
	c.frame(http2.FrameSettings, 0, 0, "")
	for range 2 { // the server's, and that it has ours
		f, err := c.reader.ReadFrame()
		if err != nil {
			t.Fatalf("cannot begin HTTP/2: %v", err)
		}
		if _, ok := f.(*http2.SettingsFrame); ok {
			continue
		}
		if _, ok := f.(*http2.WindowUpdateFrame); !ok {
			t.Fatalf("unexpected %v", f)
		}
	}
	c.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, "")
	return c
}

func framesOn(t *testing.T, conn net.Conn) *frames {
	_ = conn.SetDeadline(time.Now().Add(answerWithin))
	c := &frames{t: t, Conn: conn, reader: http2.NewFramer(nil, conn)}
	c.reader.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.coder = hpack.NewEncoder(&c.block)
	return c
}

// text sends bytes as they stand. A server that has closed already shows when its answer
// is read.
func (c *frames) text(s string) { _, _ = io.WriteString(c.Conn, s) }

// frame sends a frame of any kind, with the length that its payload has.
func (c *frames) frame(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), byte(flags), 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[5:], stream)
	c.text(string(head) + payload)
}

// encode is a header block; fields are names and values by turns.
func (c *frames) encode(fields ...string) string {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := c.coder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.block.String()
}

const (
	ended = http2.FlagHeadersEndHeaders | http2.FlagHeadersEndStream
	open  = http2.FlagHeadersEndHeaders
)

func (c *frames) headers(stream uint32, flags http2.Flags, fields ...string) {
	c.frame(http2.FrameHeaders, flags, stream, c.encode(fields...))
}

// getting are the fields of a request that is right, and more.
func getting(more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":path", "/", ":authority", "a.example"}, more...)
}

// posting are those of one with a body.
func posting(path string, more ...string) []string {
	return append([]string{":method", "POST", ":scheme", "https", ":path", path, ":authority", "a.example"}, more...)
}

// stall has a stream half closed: the client has sent all, and takes nothing.
func (c *frames) stall(stream uint32) {
	c.frame(http2.FrameSettings, 0, 0, setting(http2.SettingInitialWindowSize, 0))
	c.headers(stream, ended, getting()...)
	c.t.Helper()
	if got := c.outcome(); got != fmt.Sprintf("status 200 on %d", stream) {
		c.t.Fatal(got)
	}
}

func setting(id http2.SettingID, value uint32) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(id))
	return string(binary.BigEndian.AppendUint32(b, value))
}

func word(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// outcome is the next thing that the server says to what was sent: an error of the
// connection or of a stream, the status of an answer, "pong", or "closed" without a word.
func (c *frames) outcome() string {
	for {
		f, err := c.reader.ReadFrame()
		var stream http2.StreamError
		switch {
		case errors.As(err, &stream):
			return err.Error()
		case err != nil:
			return "closed"
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			return "connection " + f.ErrCode.String()
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("stream %d %v", f.StreamID, f.ErrCode)
		case *http2.MetaHeadersFrame:
			return fmt.Sprintf("status %s on %d", f.PseudoValue("status"), f.StreamID)
		case *http2.PingFrame:
			return "pong"
		}
	}
}

// goesOn asserts that an error of a stream, or none, has left the connection as it was.
func (c *frames) goesOn() {
	c.t.Helper()
	c.frame(http2.FramePing, 0, 0, "still on")
	for {
		switch got := c.outcome(); {
		case got == "pong":
			return
		case strings.HasPrefix(got, "connection"), got == "closed":
			c.t.Errorf("the connection has not gone on: %s", got)
			return
		}
	}
}

// ends asserts that the server closes the connection.
func (c *frames) ends(t *testing.T) {
	t.Helper()
	for {
		got := c.outcome()
		if got == "closed" {
			return
		}
		if strings.HasPrefix(got, "status 200") {
			t.Errorf("%s: an error of the connection does not end it: %s", c.t.Name(), got)
			return
		}
	}
}

// secured connects to a server with HTTP/2 over TLS.
func (s *server) secured(t *testing.T) net.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", s.tcpAddress(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
