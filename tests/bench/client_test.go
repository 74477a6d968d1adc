package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve starts a server and gives its address.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestCheck(t *testing.T) {
	want := row{name: "test", want: answerOf([]byte("right\n"))}
	for _, tc := range []struct {
		status int
		body   string
		want   string
	}{
		{200, "right\n", ""},
		{500, "right\n", "status 500"},
		{200, "right", "5 bytes instead of 6"},
		{200, "wrong\n", "wrong content"},
	} {
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		err := check(tcp(address), want)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%d %q: %v", tc.status, tc.body, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%d %q: error %v, want %q in it", tc.status, tc.body, err, tc.want)
		}
	}
}

func TestCheckSendsTheBody(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.RawQuery == "digest" {
			// All of it first: net/http gives up the body with the first byte written.
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		}
	})
	echo := row{body: echoSize, checkQuery: "digest", want: answerOf(requestBody(echoSize))}
	if err := check(tcp(address), echo); err != nil {
		t.Error(err)
	}
}

func TestBulkLoadCounts(t *testing.T) {
	const size = 3 << 20
	body := make([]byte, size)
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	short := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body[1:]) })
	failing := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99")
		_, _ = io.WriteString(w, "cut")
	})
	for name, tc := range map[string]struct{ address, fault string }{
		"good":    {good, ""},
		"short":   {short, "length"},
		"failing": {failing, "status"},
		"cut":     {cut, "socket"},
	} {
		r := row{conns: 2, want: answer{length: size}}
		got := bulkLoad(context.Background(), tcp(tc.address), r, 50*time.Millisecond)
		if tc.fault == "" {
			if got.requests == 0 || len(got.errors) > 0 || got.p99 < got.p50 || got.p50 == 0 {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if got.requests != 0 || got.errors[tc.fault] == 0 || len(got.errors) != 1 {
			t.Errorf("%s: %+v, want only errors of kind %s", name, got, tc.fault)
		}
	}
}

func TestWrkFigures(t *testing.T) {
	out := []byte("Running 1s test\nFIGURES {\"requests\":100,\"bytes\":15000,\"duration_us\":1000000," +
		"\"p50_us\":250,\"p99_us\":900,\"connect\":1,\"read\":2,\"write\":3,\"status\":0,\"timeout\":4}\nmore\n")
	figures, err := parseWrk(out)
	if err != nil {
		t.Fatal(err)
	}
	r := row{conns: 2, want: answer{length: 14}}
	got := figures.load(r)
	if got.requests != 100 || got.p50 != 250*time.Microsecond || got.p99 != 900*time.Microsecond || got.elapsed != time.Second {
		t.Errorf("load %+v", got)
	}
	if got.errors["socket"] != 6 || got.errors["timeout"] != 4 || len(got.errors) != 2 {
		t.Errorf("errors %v", got.errors)
	}
	if _, err := parseWrk([]byte("unable to connect\n")); err == nil {
		t.Error("figures were found where there are none")
	}
}

func TestWrkFiguresWrongLength(t *testing.T) {
	r := row{conns: 2, want: answer{length: 10 << 10}}
	for _, bytes := range []int64{1_000_000, 2_000_000} { // 100 replies are 1,024,000 and their heads
		got := wrkFigures{Requests: 100, Bytes: bytes}.load(r)
		if got.requests != 0 || got.errors["length"] != 100 {
			t.Errorf("%d bytes: %+v", bytes, got)
		}
	}
	if got := (wrkFigures{Requests: 100, Status: 30, Bytes: 1000}).load(r); got.requests != 70 || got.errors["status"] != 30 {
		t.Errorf("with statuses: %+v", got)
	}
}
