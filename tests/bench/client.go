package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// exchangeLimit is how long one exchange may take before it counts as failed.
const exchangeLimit = 10 * time.Second

// conn is a plain HTTP/1.1 client connection: one write, large reads, so that
// it takes little from the servers, which share the processor with it.
type conn struct {
	net    net.Conn
	reader *bufio.Reader
	block  []byte
	limit  time.Duration
}

type request struct {
	path  string
	host  string // "" is localhost
	body  []byte // sent with POST; nil for GET
	close bool
}

type reply struct {
	status int
	length int64
	close  bool // the server will close the connection
}

// dialer connects to one server; limit is for the connect alone.
type dialer func(limit time.Duration) (net.Conn, error)

// tcp connects to an address of this host.
func tcp(address string) dialer {
	return func(limit time.Duration) (net.Conn, error) { return net.DialTimeout("tcp", address, limit) }
}

// overTLS speaks TLS with an address of this host, whose certificate nobody vouches for.
func overTLS(address string) dialer {
	return func(limit time.Duration) (net.Conn, error) {
		conf := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
		return tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", address, conf)
	}
}

func dial(server dialer, limit time.Duration) (*conn, error) {
	c, err := server(limit)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	return &conn{net: c, reader: bufio.NewReaderSize(c, 16<<10), limit: limit}, nil
}

func (c *conn) close() { _ = c.net.Close() } // every reply wanted has been read

// exchange sends a request and copies the reply's body to w.
func (c *conn) exchange(r request, w io.Writer) (reply, error) {
	if err := c.net.SetDeadline(time.Now().Add(c.limit)); err != nil {
		return reply{}, fmt.Errorf("cannot set deadline: %w", err)
	}
	buffers := net.Buffers{r.head(), r.body}
	if _, err := buffers.WriteTo(c.net); err != nil {
		return reply{}, fmt.Errorf("cannot send: %w", err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return reply{}, fmt.Errorf("cannot read head: %w", err)
	}
	defer resp.Body.Close()
	if c.block == nil {
		c.block = make([]byte, 256<<10)
	}
	// The struct hides ReaderFrom: io.Discard's would read by 8 KiB.
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, resp.Body, c.block)
	if err != nil {
		return reply{}, fmt.Errorf("cannot read body: %w", err)
	}
	return reply{status: resp.StatusCode, length: n, close: resp.Close}, nil
}

func (r request) head() []byte {
	method := http.MethodGet
	if r.body != nil {
		method = http.MethodPost
	}
	head := method + " " + r.path + " HTTP/1.1\r\nHost: " + cmp.Or(r.host, "localhost") + "\r\n"
	if r.body != nil {
		head += "Content-Type: application/octet-stream\r\nContent-Length: " + strconv.Itoa(len(r.body)) + "\r\n"
	}
	if r.close {
		head += "Connection: close\r\n"
	}
	return []byte(head + "\r\n")
}

// check compares one answer with what the row wants, byte for byte.
func check(server dialer, r row) error {
	c, err := dial(server, exchangeLimit)
	if err != nil {
		return err
	}
	defer c.close()
	ask := request{path: r.target(), host: r.host, close: r.close}
	if r.checkQuery != "" {
		ask.path += "?" + r.checkQuery
	}
	if r.body > 0 {
		ask.body = requestBody(r.body)
	}
	digest := sha256.New()
	got, err := c.exchange(ask, digest)
	if err != nil {
		return err
	}
	switch sum := hex.EncodeToString(digest.Sum(nil)); {
	case got.status != http.StatusOK:
		return fmt.Errorf("status %d instead of 200", got.status)
	case got.length != r.want.length:
		return fmt.Errorf("%d bytes instead of %d", got.length, r.want.length)
	case sum != r.want.sha256:
		return fmt.Errorf("wrong content: SHA-256 %s instead of %s", sum, r.want.sha256)
	}
	return nil
}
