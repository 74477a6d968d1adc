package http1

import (
	"io"
	"strings"
	"testing"
	"time"
)

// holding serves answers whose pieces are held back for an hour, that is, until
// something else sends them.
func holding(t *testing.T, answer func(x *exchange, r *Response)) *client {
	t.Helper()
	s := serve(t, &app{answer: func(x *exchange) {
		r := &x.conn.Response
		r.SetFlushDelay(time.Hour)
		answer(x, r)
	}}, nil)
	c := s.dial(t)
	c.send(get)
	return c
}

// Pieces that are held back arrive whole and in order, whatever it is that sends them.
func TestHeldPieces(t *testing.T) {
	big := pattern(holdSize + 5)
	tests := map[string]struct {
		answer func(x *exchange, r *Response) error
		want   string
	}{
		"the end, in chunks": {func(x *exchange, r *Response) error {
			_, _ = r.Start(x.serial, head("200 OK"), tight("a"))
			_, _ = r.Data(x.serial, tight("b"))
			return r.End(x.serial)
		}, "ab"},
		"the end, by length": {func(x *exchange, r *Response) error {
			_, _ = r.Start(x.serial, head("200 OK", "Content-Length", "2"), tight("a"))
			_, err := r.Data(x.serial, tight("b"))
			return err
		}, "ab"},
		"a large piece": {func(x *exchange, r *Response) error {
			_, _ = r.Start(x.serial, head("200 OK"), tight("a"))
			_, _ = r.Data(x.serial, roomy(big))
			_, _ = r.Data(x.serial, tight("b"))
			return r.End(x.serial)
		}, "a" + big + "b"},
		"a file": {func(x *exchange, r *Response) error {
			_, _ = r.Start(x.serial, head("200 OK", "Content-Length", "5"), tight("a"))
			if err := r.SendFile(x.serial, dupFile(t, "file"), 0, 4); err != nil {
				return err
			}
			return r.End(x.serial)
		}, "afile"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := holding(t, func(x *exchange, r *Response) {
				if err := test.answer(x, r); err != nil {
					t.Error(err)
				}
			})
			if got := c.receive("GET"); got.body != test.want {
				t.Errorf("%d bytes arrive, which are not the %d that were sent", len(got.body), len(test.want))
			}
		})
	}
}

// Time sends what is held back, and together.
func TestHeldForItsTime(t *testing.T) {
	finish := make(chan struct{})
	s := serve(t, &app{answer: func(x *exchange) {
		r := &x.conn.Response
		r.SetFlushDelay(20 * time.Millisecond)
		_, _ = r.Start(x.serial, head("200 OK"), tight("a"))
		_, _ = r.Data(x.serial, tight("b"))
		<-finish
		if err := r.End(x.serial); err != nil {
			t.Error(err)
		}
	}}, nil)
	c := s.dial(t)
	c.send(get)
	buffer := make([]byte, 4096)
	n, err := c.in.Read(buffer)
	if err != nil || !strings.HasSuffix(string(buffer[:n]), "1\r\na\r\n1\r\nb\r\n") {
		t.Errorf("the first read gives %q, %v", buffer[:n], err)
	}
	close(finish)
	end := make([]byte, 5)
	if _, err := io.ReadFull(c.in, end); err != nil || string(end) != "0\r\n\r\n" {
		t.Errorf("then come %q, %v", end, err)
	}
}

// What was produced before a response breaks off reaches the client, which sees that
// it breaks off.
func TestHeldThenAborted(t *testing.T) {
	c := holding(t, func(x *exchange, r *Response) {
		_, _ = r.Start(x.serial, head("200 OK"), tight("part"))
		r.Abort(x.serial)
	})
	text, _ := io.ReadAll(c.in)
	if !strings.HasSuffix(string(text), "4\r\npart\r\n") {
		t.Errorf("the client gets %q", text)
	}
}

// A response may have a shorter time for its client than the server gives, or a longer
// one.
func TestSendTimeoutOfAResponse(t *testing.T) {
	for _, c := range []struct {
		name        string
		server, own time.Duration
		ends        bool
	}{
		{"shorter", time.Hour, 100 * time.Millisecond, true},
		{"longer", 100 * time.Millisecond, time.Hour, false},
		{"the server's", 100 * time.Millisecond, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, &app{answer: func(x *exchange) {
				r := &x.conn.Response
				r.SetSendTimeout(c.own)
				_, _ = r.Start(x.serial, head("200 OK"), tight(strings.Repeat("x", 16<<20)))
				_ = r.End(x.serial)
			}}, func(o *Options) { o.ResponseSpool, o.SendTimeout = 64<<20, c.server })
			s.dial(t).send(get) // and reads nothing
			if c.ends {
				eventually(t, "the connection", func() bool { return s.server.Open() == 1 })
				eventually(t, "its end", func() bool { return s.server.Open() == 0 })
				return
			}
			time.Sleep(3 * sweepEvery)
			if s.server.Open() != 1 {
				t.Error("the connection ends by the server's timeout")
			}
		})
	}
}
