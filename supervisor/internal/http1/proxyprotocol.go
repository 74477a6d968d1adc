package http1

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// A proxy that passes on bytes and knows nothing of HTTP says who the client is before
// the first of them, in the PROXY protocol: in a line of text (version 1) or in binary form
// (version 2). Where it is expected it must be there: guessing would let any client
// write one.

// ProxyHeader says how a connection has to begin.
type ProxyHeader uint8

// How a connection has to begin.
const (
	NoProxyHeader        ProxyHeader = iota // with a request
	ProxyHeaderExpected                     // with a header
	ProxyHeaderForbidden                    // not at all: its peer may not send the header that is expected
)

const (
	// proxyLine is the longest header of version 1, in bytes, its CRLF included.
	proxyLine = 107
	// proxyFixed is the part of a version 2 header that has its length.
	proxyFixed = 16
	// proxyMost is the longest version 2 header taken: addresses, and what a proxy adds
	// of the client's TLS session.
	proxyMost = 4096
)

var (
	proxyTextMark   = []byte("PROXY ")
	proxyBinaryMark = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// proxyHeaderLength returns the length of the PROXY header that buf begins with, 0 while
// it is not there as a whole.
func proxyHeaderLength(buf []byte) (int, error) {
	switch {
	case begins(buf, proxyBinaryMark):
		if len(buf) < proxyFixed {
			return 0, nil
		}
		whole := proxyFixed + int(binary.BigEndian.Uint16(buf[proxyFixed-2:]))
		if whole > proxyMost {
			return 0, bad("PROXY protocol header too large")
		}
		if len(buf) < whole {
			return 0, nil
		}
		return whole, nil
	case begins(buf, proxyTextMark):
		if end := bytes.Index(buf[:min(len(buf), proxyLine)], []byte("\r\n")); end >= 0 {
			return end + 2, nil
		}
		if len(buf) >= proxyLine {
			return 0, bad("PROXY protocol header without an end")
		}
		return 0, nil
	}
	return 0, bad("connection without the PROXY protocol header that is expected here")
}

// begins reports whether buf begins with mark, as far as it has come.
func begins(buf, mark []byte) bool {
	n := min(len(buf), len(mark))
	return bytes.Equal(buf[:n], mark[:n])
}

// takeProxyHeader has what a whole header says count for the connection.
func (c *Conn) takeProxyHeader(header []byte) error {
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(header), proxyMost))
	if err != nil {
		return bad("malformed PROXY protocol header")
	}
	c.introduced = true
	if h.Command.IsLocal() {
		return nil // of the proxy's own, to see whether this server lives
	}
	c.Remote = netip.AddrPort{}
	if a, ok := h.SourceAddr.(*net.TCPAddr); ok {
		c.Remote = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	if a, ok := h.DestinationAddr.(*net.TCPAddr); ok {
		c.Port = strconv.Itoa(a.Port)
	}
	tlvs, err := h.TLVs()
	if err != nil {
		return bad("malformed PROXY protocol header")
	}
	if ssl, found := tlvparse.FindSSL(tlvs); found {
		c.Secure = ssl.ClientSSL()
	}
	return nil
}

// greeted reports whether requests may be read: at once, or when the PROXY header of the
// connection has come.
func (c *Conn) greeted() (bool, error) {
	if c.used || c.introduced {
		return true, nil
	}
	switch c.proxyHeader() {
	case NoProxyHeader:
		return true, nil
	case ProxyHeaderForbidden:
		return false, refuse(403, "peer is none of the proxies that may connect here")
	}
	n, err := proxyHeaderLength(c.buf[c.start:c.end])
	if err != nil {
		return false, err
	}
	if n == 0 {
		c.scanner.next = c.end - c.start // looked at, see requestBuffered
		return false, nil
	}
	if err := c.takeProxyHeader(c.buf[c.start : c.start+n]); err != nil {
		return false, err
	}
	c.start += n
	c.scanner.Reset()
	return c.start < c.end, nil
}

func (c *Conn) proxyHeader() ProxyHeader {
	says := c.server.options().ProxyHeader
	if says == nil {
		return NoProxyHeader
	}
	return says(c)
}
