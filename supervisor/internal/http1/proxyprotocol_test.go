package http1

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// version2 is a header of version 2, with what a proxy says of TLS if it is not nil.
func version2(t testing.TB, command proxyproto.ProtocolVersionAndCommand, from, to net.Addr, tls *tlvparse.PP2SSL) []byte {
	t.Helper()
	h := proxyproto.HeaderProxyFromAddrs(2, from, to)
	h.Command = command
	if tls != nil {
		tlv, err := tls.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.SetTLVs([]proxyproto.TLV{tlv}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tcp(address string) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
}

func expectHeader(*Conn) ProxyHeader { return ProxyHeaderExpected }

// overTLS is what a proxy says of a client that spoke TLS to it.
func overTLS() *tlvparse.PP2SSL {
	version := proxyproto.TLV{Type: proxyproto.PP2_SUBTYPE_SSL_VERSION, Value: []byte("TLSv1.3")}
	return &tlvparse.PP2SSL{Client: tlvparse.PP2_BITFIELD_CLIENT_SSL, TLV: []proxyproto.TLV{version}}
}

// TestProxyHeader: what a header says counts for every request of the connection.
func TestProxyHeader(t *testing.T) {
	whoami := func(x *exchange) {
		text := x.conn.Remote.String() + " at " + x.conn.Port
		if x.conn.Secure {
			text += " by TLS"
		}
		if err := x.complete("200 OK", text+"\n"); err != nil {
			t.Error(err)
		}
	}
	s := serve(t, &app{answer: whoami}, func(o *Options) { o.ProxyHeader = expectHeader })
	from, to := tcp("192.0.2.7:4711"), tcp("198.51.100.1:443")
	tests := []struct {
		name   string
		header []byte
		want   string // "" for the connection's own
	}{
		{"version 1", []byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"), "192.0.2.7:4711 at 443"},
		{"version 1, IPv6", []byte("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n"), "[2001:db8::7]:4711 at 443"},
		{"version 1, unknown", []byte("PROXY UNKNOWN\r\n"), ""},
		{"version 2", version2(t, proxyproto.PROXY, from, to, nil), "192.0.2.7:4711 at 443"},
		{"version 2, TLS", version2(t, proxyproto.PROXY, from, to, overTLS()), "192.0.2.7:4711 at 443 by TLS"},
		{"version 2, no TLS", version2(t, proxyproto.PROXY, from, to, &tlvparse.PP2SSL{}), "192.0.2.7:4711 at 443"},
		{"version 2, local", version2(t, proxyproto.LOCAL, from, to, nil), ""},
	}
	for _, test := range tests {
		requests := "GET / HTTP/1.1\r\nHost: h\r\n\r\n" + "GET / HTTP/1.0\r\n\r\n"
		whole := append(bytes.Clone(test.header), requests...)
		for name, pieces := range map[string][][]byte{
			"at once": {whole}, "byte by byte": bytes.SplitAfter(whole, nil), "alone": {test.header, []byte(requests)},
		} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				got := converse(t, s.address, pieces...)
				if test.want == "" {
					if strings.Count(got, "127.0.0.1:") != 2 || strings.Contains(got, "TLS") {
						t.Errorf("got %q", got)
					}
					return
				}
				if strings.Count(got, "\r\n\r\n"+test.want+"\n") != 2 {
					t.Errorf("got %q, want %s twice", got, test.want)
				}
			})
		}
	}
}

func TestProxyHeaderRefused(t *testing.T) {
	a := &app{answer: func(*exchange) { t.Error("a request was taken") }}
	s := serve(t, a, func(o *Options) { o.ProxyHeader = expectHeader })
	large := append(bytes.Clone(proxyBinaryMark), 0x21, 0x11, 0xff, 0xff)
	for name, test := range map[string]struct{ input, want string }{
		"none":              {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "Connection without the PROXY"},
		"endless":           {"PROXY TCP4 " + strings.Repeat("1", 200), "header without an end"},
		"wrong address":     {"PROXY TCP4 192.0.2.700 198.51.100.1 4711 443\r\n", "malformed PROXY"},
		"wrong port":        {"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443333\r\n", "malformed PROXY"},
		"wrong family":      {"PROXY TCP6 192.0.2.7 198.51.100.1 4711 443\r\n", "malformed PROXY"},
		"too large":         {string(large), "too large"},
		"wrong version":     {string(proxyBinaryMark) + "\x31\x11\x00\x00", "malformed PROXY"},
		"short addresses":   {string(proxyBinaryMark) + "\x21\x11\x00\x04abcd", "malformed PROXY"},
		"lower-case letter": {"proxy TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", "Connection without the PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			got := converse(t, s.address, []byte(test.input))
			if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(strings.ToLower(got), strings.ToLower(test.want)) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("another peer", func(t *testing.T) {
		strict := serve(t, a, func(o *Options) { o.ProxyHeader = func(*Conn) ProxyHeader { return ProxyHeaderForbidden } })
		got := converse(t, strict.address, []byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"+get))
		if !strings.HasPrefix(got, "HTTP/1.1 403 Forbidden\r\n") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("twice", func(t *testing.T) {
		const header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
		if got := converse(t, s.address, []byte(header+header)); !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") {
			t.Errorf("got %q", got)
		}
	})
}

// TestProxyHeaderHandedOver: the next server knows of the client what this one knew, and
// waits for a header where none has come.
func TestProxyHeaderHandedOver(t *testing.T) {
	answer := func(x *exchange) {
		if err := x.complete("200 OK", x.conn.Remote.String()+" "+x.conn.Port); err != nil {
			t.Error(err)
		}
	}
	for name, header := range map[string]string{
		"version 1":     "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n",
		"with TLS":      string(version2(t, proxyproto.PROXY, tcp("[2001:db8::7]:4711"), tcp("[2001:db8::1]:443"), overTLS())),
		"of a socket":   "PROXY UNKNOWN\r\n",
		"a header late": "",
	} {
		t.Run(name, func(t *testing.T) {
			expect := func(o *Options) { o.ProxyHeader = expectHeader }
			old := serve(t, &app{answer: answer}, expect)
			next := &successor{served: serve(t, &app{answer: answer}, expect), adopted: make(chan struct{}, 1)}
			c, want := old.dial(t), ""
			if header == "" {
				header, want = "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "[2001:db8::7]:4711 443"
				waitForOpen(t, old, 1)
				old.server.HandOver(next.keep)
				next.await()
				c.send(header)
			} else {
				want = c.exchange(header + get).body
				old.server.HandOver(next.keep)
				next.await()
			}
			if got := c.exchange(get).body; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	for _, wrong := range []string{"x", "1.2.3.4,80,tls", "1.2.3.4:1,2,3,4"} {
		var c Conn
		if err := c.know(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// FuzzProxyHeader: no header crashes the parser, and what it says is an address.
func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"))
	f.Add(version2(f, proxyproto.PROXY, tcp("192.0.2.7:4711"), tcp("198.51.100.1:443"), overTLS()))
	f.Fuzz(func(t *testing.T, input []byte) {
		n, err := proxyHeaderLength(input)
		if err != nil || n == 0 {
			return
		}
		if n > len(input) {
			t.Fatalf("%d bytes of %d", n, len(input))
		}
		var c Conn
		if err := c.takeProxyHeader(input[:n]); err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("not an *Error: %v", err)
			}
		}
	})
}
