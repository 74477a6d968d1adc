package front

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// http2Client speaks HTTP/2 from the first byte, on a connection of its own.
func http2Client(t *testing.T, address net.Addr) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, address.Network(), address.String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: within}
}

func (r *relays) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// TestHTTP2GoesByTheSiteFile: a connection goes by the settings that count when it is made,
// not by those of the first one.
func TestHTTP2GoesByTheSiteFile(t *testing.T) {
	f := newFront(t, func(s *site.Site) {
		s.Mounts = []*site.Mount{{Path: "/app", Group: "main"}}
		s.Server.KeepAliveTimeout = time.Hour
	})
	address := serveAt(t, f, "tcp")
	ask := func(client *http.Client) {
		t.Helper()
		r, err := client.Get("http://h/elsewhere")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != 404 || r.ProtoMajor != 2 {
			t.Errorf("%s, %s", r.Status, r.Proto)
		}
	}
	lasting := http2Client(t, address)
	ask(lasting)
	next := *f.options.Site
	next.Server.KeepAliveTimeout = 50 * time.Millisecond
	install, err := f.Prepare(&next, f.options.Groups)
	if err != nil {
		t.Fatal(err)
	}
	install()
	ask(http2Client(t, address))
	eventually(t, "the idle connection to end", func() bool { return f.relays.count() == 1 })
	ask(lasting)
	f.Drain()
	eventually(t, "the other one to end", func() bool { return f.relays.count() == 0 })
}
