package serve_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answerWithin bounds every exchange that a test does not time itself.
const answerWithin = 20 * time.Second

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool          // the server says that the connection ends behind it
	err    error         // of the exchange or of the body
	took   time.Duration // from the request to the end of the body
}

// dialTo connects to an address as start printed it.
func dialTo(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

// clientFor is an HTTP client that sends every request to address, follows no
// redirect and asks for no compression.
func clientFor(t *testing.T, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialTo(ctx, address)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *server) client() *http.Client { return clientFor(s.t, s.address()) }

// request is a request to the first address of the server.
func (s *server) request(ctx context.Context, method, target string, body io.Reader) *http.Request {
	s.t.Helper()
	host := s.address()
	if strings.HasPrefix(host, "/") {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return req
}

// do makes one exchange on a connection of its own, so that no test depends on
// what an earlier one left in a pool.
func (s *server) do(req *http.Request) answer {
	client := s.client()
	defer client.CloseIdleConnections()
	return exchange(client, req)
}

func exchange(client *http.Client, req *http.Request) answer {
	begun := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err, took: time.Since(begun)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close, err, time.Since(begun)}
}

// try is a GET that may fail.
func (s *server) try(target string) answer {
	s.t.Helper()
	return s.do(s.request(context.Background(), http.MethodGet, target, http.NoBody))
}

// get is a GET that must be a whole response, of whatever status.
func (s *server) get(target string) answer {
	s.t.Helper()
	a := s.try(target)
	if a.err != nil {
		s.t.Fatalf("GET %s: %v", target, a.err)
	}
	return a
}

// getOK is a GET that must be answered 200; it returns the body.
func (s *server) getOK(target string) string {
	s.t.Helper()
	a := s.get(target)
	if a.status != http.StatusOK {
		s.t.Fatalf("GET %s: status %d, body %q", target, a.status, a.body)
	}
	return a.body
}

// getJSON is getOK that reads the body into value.
func (s *server) getJSON(target string, value any) {
	s.t.Helper()
	body := s.getOK(target)
	if err := json.Unmarshal([]byte(body), value); err != nil {
		s.t.Fatalf("GET %s: %v in %q", target, err, body)
	}
}

// post is a POST that must be a whole response.
func (s *server) post(target, body string) answer {
	s.t.Helper()
	a := s.do(s.request(context.Background(), http.MethodPost, target, strings.NewReader(body)))
	if a.err != nil {
		s.t.Fatalf("POST %s: %v", target, a.err)
	}
	return a
}

// background makes a GET in a goroutine; the channel gets its one answer.
func (s *server) background(target string) <-chan answer {
	return s.backgroundWith(context.Background(), target)
}

func (s *server) backgroundWith(ctx context.Context, target string) <-chan answer {
	s.t.Helper()
	req := s.request(ctx, http.MethodGet, target, http.NoBody)
	client := s.client()
	answers := make(chan answer, 1)
	go func() { answers <- exchange(client, req) }()
	return answers
}

// receive waits for an answer made in the background.
func receive(t *testing.T, answers <-chan answer) answer {
	t.Helper()
	select {
	case a := <-answers:
		return a
	case <-time.After(answerWithin):
		t.Fatalf("no answer within %v", answerWithin)
		return answer{}
	}
}

// eventually tries until the condition holds: for what only a later request can show,
// such as that a new process answers. Each try takes its own time, so nothing spins.
func eventually(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-ticker.C {
		if condition() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}
