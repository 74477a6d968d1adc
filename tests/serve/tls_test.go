package serve_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/certificate"
)

const tlsSite = `
listen = ["127.0.0.1:0", "unix:DIR/plain.sock"]
TOP
[tls]
listen = "127.0.0.1:0"
certificate = ["DIR/a.pem", "DIR/b.pem"]
key = ["DIR/a.key", "DIR/b.key"]

[group.web]
processes = 1
threads = 4
[[mount]]
path = "/"
script = {{app "environ.py"}}
group = "web"
[group.stream]
processes = 1
threads = 4
[[mount]]
path = "/stream"
script = {{app "stream.py"}}
group = "stream"
[group.response]
processes = 1
threads = 4
[[mount]]
path = "/response"
script = {{app "response.py"}}
group = "response"
`

// writeCertificate makes a certificate for names, and its key.
func writeCertificate(t *testing.T, dir, file string, serial int64, names ...string) {
	t.Helper()
	chain, key, err := certificate.New(serial, names...)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, file+".pem", chain)
	writeFile(t, dir, file+".key", key)
}

// tlsServer serves tlsSite with further keys at its top.
func tlsServer(t *testing.T, top string) (s *server, dir string) {
	t.Helper()
	dir = t.TempDir()
	writeCertificate(t, dir, "a", 1, "a.example")
	writeCertificate(t, dir, "b", 2, "b.example", "*.b.example")
	text := strings.ReplaceAll(strings.ReplaceAll(tlsSite, "DIR", dir), "TOP", top)
	s = startWith(t, launch{noListen: true, listeners: 2}, "--config", siteOf(t, text))
	return s, dir
}

// tcpAddress is the one address that is no path.
func (s *server) tcpAddress() string {
	for _, a := range s.addresses {
		if !strings.HasPrefix(a, "/") {
			return a
		}
	}
	s.t.Fatal("no TCP address")
	return ""
}

// secureClient asks the server for any name, in HTTP/1.1 or HTTP/2.
func (s *server) secureClient(name string, major int) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetHTTP2(major == 2)
	transport := &http.Transport{
		Protocols: protocols, DisableCompression: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: name},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s, _ := tlsServer(t, "")
	base := "https://" + s.tcpAddress()
	for major, protocol := range map[int]string{1: "HTTP/1.1", 2: "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			s := s.in(t)
			client := s.secureClient("a.example", major)
			t.Run("environ", func(t *testing.T) {
				environ := secureEnviron(t, client, base+"/x%20y?q=%41;z")
				for key, want := range map[string]string{
					"SERVER_PROTOCOL": protocol, "wsgi.url_scheme": "https", "REQUEST_SCHEME": "https", "PATH_INFO": "/x y", "QUERY_STRING": "q=%41;z",
					"REQUEST_URI": "/x%20y?q=%41;z", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": s.tcpAddress(), "HTTP_X_FORWARDED_FOR": "192.0.2.1",
				} {
					if environ[key] != want {
						t.Errorf("%s is %q, want %q", key, environ[key], want)
					}
				}
				if _, port, _ := net.SplitHostPort(s.tcpAddress()); environ["SERVER_PORT"] != port {
					t.Errorf("SERVER_PORT is %q, want %q", environ["SERVER_PORT"], port)
				}
			})
			t.Run("echo", func(t *testing.T) { testEcho(t, client, base) })
			t.Run("stream", func(t *testing.T) { testLongStream(t, client, base) })
			t.Run("cut", func(t *testing.T) { testCut(t, client, base) })
			t.Run("many", func(t *testing.T) { testManyAtOnce(t, client, base) })
		})
	}
	t.Run("names", func(t *testing.T) {
		for name, serial := range map[string]int64{"a.example": 1, "b.example": 2, "x.b.example": 2, "other.example": 1, "": 1} {
			if got := s.in(t).certificate(name); got != serial {
				t.Errorf("%q: certificate %d, want %d", name, got, serial)
			}
		}
	})
	t.Run("without TLS", func(t *testing.T) {
		r, err := http.Get("http://" + s.tcpAddress() + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if body, _ := io.ReadAll(r.Body); r.StatusCode != 400 || !bytes.Contains(body, []byte("This port speaks TLS")) {
			t.Errorf("%d %s", r.StatusCode, body)
		}
	})
	t.Run("old version", func(t *testing.T) {
		_, err := tls.Dial("tcp", s.tcpAddress(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
		if err == nil {
			t.Error("TLS 1.1 is spoken")
		}
	})
}

func secureEnviron(t *testing.T, client *http.Client, url string) map[string]string {
	t.Helper()
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "192.0.2.1")
	r, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var described map[string]struct{ Value any }
	if err := json.NewDecoder(r.Body).Decode(&described); err != nil {
		t.Fatalf("%d: %v", r.StatusCode, err)
	}
	environ := map[string]string{}
	for key, d := range described {
		if text, ok := d.Value.(string); ok {
			environ[key] = text
		}
	}
	return environ
}

// testEcho sends a body that no buffer on the way holds, without saying how long it is.
func testEcho(t *testing.T, client *http.Client, base string) {
	body := make([]byte, 3<<20)
	if _, err := rand.Read(body); err != nil {
		t.Fatal(err)
	}
	r, err := client.Post(base+"/stream/echo", "application/octet-stream", struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d: %d bytes came back, error %v", r.StatusCode, len(got), err)
	}
}

func testLongStream(t *testing.T, client *http.Client, base string) {
	const size = 20 << 20
	r, err := client.Get(base + "/stream/download?n=20971520")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
		t.Errorf("%d bytes, error %v", n, err)
	}
}

// testCut: a response that an exception has ended never looks complete.
func testCut(t *testing.T, client *http.Client, base string) {
	for _, path := range []string{"/response/raise-after", "/response/raise-after-length"} {
		r, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != 200 || err == nil {
			t.Errorf("%s: %d %q, error %v", path, r.StatusCode, body, err)
		}
	}
}

// testManyAtOnce has more requests under way than there are threads.
func testManyAtOnce(t *testing.T, client *http.Client, base string) {
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r, err := client.Get(base + "/stream/sized?n=100000")
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if n, err := io.Copy(io.Discard, r.Body); n != 100000 || err != nil {
				t.Errorf("%d bytes, error %v", n, err)
			}
		})
	}
	all.Wait()
}

// certificate is the serial number of the certificate that a client gets for a name.
func (s *server) certificate(name string) int64 {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.tcpAddress())
	if err != nil {
		s.t.Fatal(err)
	}
	serial, err := certificate.Serial(conn, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return serial
}

// TestHTTP2WithoutTLS: a client that begins with HTTP/2 gets it, on any socket.
func TestHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	s, dir := tlsServer(t, "")
	get := func(s *server) (*http.Response, error) {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "plain.sock"))
		}}
		s.t.Cleanup(transport.CloseIdleConnections)
		return (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get("http://a.example/")
	}
	r, err := get(s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.ProtoMajor != 2 || !bytes.Contains(body, []byte("HTTP/2.0")) {
		t.Errorf("%s %q %v", r.Proto, body, err)
	}
	off, offDir := tlsServer(t, "http2 = false")
	dir = offDir
	if r, err := get(off); err == nil {
		r.Body.Close()
		t.Errorf("HTTP/2 is spoken although the site file says no: %s", r.Proto)
	}
	conn, err := tls.Dial("tcp", off.tcpAddress(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("protocol %q", got)
	}
}

// TestTLSAtEnd: a request under way is finished, and what idles is closed.
func TestTLSAtEnd(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		s, _ := tlsServer(t, "")
		client := s.secureClient("a.example", major)
		r, err := client.Get("https://" + s.tcpAddress() + "/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		g := newGate(t)
		answers := make(chan error, 1)
		go func() {
			r, err := client.Get("https://" + s.tcpAddress() + "/stream/ticks?" + g.query())
			if err == nil {
				defer r.Body.Close()
				if _, err = io.ReadAll(r.Body); err == nil && r.StatusCode != 200 {
					err = errors.New(r.Status)
				}
			}
			answers <- err
		}()
		v := g.arrive()
		s.signal(os.Interrupt)
		time.Sleep(50 * time.Millisecond) // until it stops
		v.release()
		if err := <-answers; err != nil {
			t.Errorf("HTTP/%d: the request under way: %v", major, err)
		}
		if !s.awaitExit(stopWithin) {
			t.Errorf("HTTP/%d: it has not ended", major)
		}
	}
}
