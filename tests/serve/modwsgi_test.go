package serve_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

type modWSGI struct {
	PID, Processes, Threads, Requests int
	Group                             string
	Version                           []int
	Active                            []map[string]string
	Events                            []string
	Environ                           map[string]string
}

const modWSGISite = `
[group.shop]
processes = 1
threads = 3
maximum-requests = 5

[[mount]]
path = "/"
script = {{app "modwsgi.py"}}
group = "shop"
`

// TestModWSGIModule: an application of mod_wsgi that imports its module runs, and is
// told about its requests and the end of its process.
func TestModWSGIModule(t *testing.T) {
	t.Parallel()
	s := startSite(t, modWSGISite)
	var first, second modWSGI
	s.getJSON("/one", &first)
	s.getJSON("/two", &second)
	if first.Group != "shop" || first.Processes != 1 || first.Threads != 3 || !slices.Equal(first.Version, []int{6, 0, 5}) {
		t.Errorf("got %+v", first)
	}
	if len(first.Active) != 1 || first.Active[0]["path"] != "/one" || first.Requests != 0 || second.Requests != 1 {
		t.Errorf("requests: %+v, then %+v", first, second)
	}
	want := []string{"request_started", "response_started", "request_finished", "request_started", "response_started"}
	if !slices.Equal(second.Events, want) {
		t.Errorf("events %q, want %q", second.Events, want)
	}
	for _, name := range []string{"request_start", "queue_start", "daemon_start", "application_start"} {
		if n, err := strconv.ParseInt(second.Environ["mod_wsgi."+name], 10, 64); err != nil || n < 1e15 {
			t.Errorf("mod_wsgi.%s is %q, which is no time in microseconds", name, second.Environ["mod_wsgi."+name])
		}
	}
	for name, want := range map[string]string{
		"process_group": "shop", "application_group": "", "callable_object": "application", "request_handler": "wsgi-script",
		"handler_script": "", "server_pid": strconv.Itoa(second.PID),
	} {
		if got, found := second.Environ["mod_wsgi."+name]; !found || got != want {
			t.Errorf("mod_wsgi.%s is %q, want %q", name, got, want)
		}
	}
	assertErrorPage(t, s.get("/timeout"), http.StatusGatewayTimeout)
	for range 4 {
		s.getOK("/")
	}
	s.awaitText(fmt.Sprintf("process %d process_stopping maximum_requests", first.PID))
	var third modWSGI
	s.getJSON("/", &third)
	s.stop()
	s.awaitText(fmt.Sprintf("process %d process_stopping shutdown_signal", third.PID))
}

// TestServerMetrics: with the key an application sees the threads of all processes of
// its group, itself at work among them, and without the key nothing.
func TestServerMetrics(t *testing.T) {
	t.Parallel()
	site := `
[group.shop]
processes = 2
threads = 2

[[mount]]
path = "/"
script = {{app "modwsgi.py"}}
group = "shop"
`
	s := startSite(t, "server-metrics = true\n"+site)
	s.getOK("/")
	var seen struct {
		ServerLimit int     `json:"server_limit"`
		ThreadLimit int     `json:"thread_limit"`
		Generation  int     `json:"running_generation"`
		Now         float64 `json:"current_time"`
		Processes   []struct {
			PID       int
			Quiescing bool
			Workers   []struct {
				Status, Client, Request, Vhost string
				Count                          int     `json:"access_count"`
				Start                          float64 `json:"start_time"`
			}
		}
	}
	s.getJSON("/server?a=b", &seen)
	if seen.ServerLimit != 2 || seen.ThreadLimit != 2 || seen.Generation != 1 || len(seen.Processes) != 2 {
		t.Fatalf("got %+v", seen)
	}
	served, working := 0, 0
	for _, p := range seen.Processes {
		if p.PID == 0 || p.Quiescing || len(p.Workers) != 2 {
			t.Errorf("process %+v", p)
		}
		for _, w := range p.Workers {
			served += w.Count
			if w.Status != "W" {
				continue
			}
			working++
			if w.Client != "127.0.0.1" || w.Request != "GET /server?a=b HTTP/1.1" || w.Vhost != "127.0.0.1" || w.Start > seen.Now || seen.Now-w.Start > 60 {
				t.Errorf("thread %+v at %v", w, seen.Now)
			}
		}
	}
	if served != 1 || working != 1 {
		t.Errorf("%d served and %d at work, of %+v", served, working, seen)
	}
	off := startSite(t, site)
	if got := off.getOK("/server"); got != "null" {
		t.Errorf("without the key: %s", got)
	}
}
