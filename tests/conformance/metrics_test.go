package conformance_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// testMetrics: the module mod_wsgi, and the names of what its functions return.
func testMetrics(t *testing.T) {
	g := serve(t, config{app: "metrics.py", group: "processes = 1\nthreads = 3"})
	play(t, g, []exchange{
		{"module", get("/module"), []check{
			value("process_group", "main"), value("application_group", ""), value("maximum_processes", 1.0), value("threads_per_process", 3.0),
			value("RequestTimeout", "type"), value("FileWrapper", "type"), has(
				"version", "active_requests", "subscribe_events", "subscribe_shutdown", "request_data",
				"start_recording_metrics", "request_metrics", "process_metrics", "server_metrics"),
		}},
		{"active requests", get("/active"), []check{
			value("count", 1.0), value("data", map[string]any{"path": "/active"}), value("paths", []any{"/active"}),
		}},
		{"server metrics without the key", get("/server"), []check{body(`{"server_metrics": null}`)}},
	})
	t.Run("requests", func(t *testing.T) { testRequestMetrics(t, g.in(t)) })
	t.Run("process", func(t *testing.T) {
		before := report(t, g.in(t), "/process")
		play(t, g, []exchange{
			{"one request", get("/answer?200"), []check{status(200)}},
			{"keys", get("/process"), []check{has(
				"pid", "restart_time", "current_time", "running_time", "request_count", "request_busy_time", "request_threads",
				"active_requests", "cpu_user_time", "cpu_system_time", "cpu_time", "threads", "memory_rss", "memory_max_rss",
			), value("pid", before["pid"]), value("request_count", before["request_count"].(float64)+2), value("active_requests", 1.0)}},
		})
	})
	t.Run("events", func(t *testing.T) {
		g := g.in(t)
		report(t, g, "/events")
		play(t, g, []exchange{
			{"one request", get("/answer?201"), []check{status(201)}},
			{"one that fails", get("/fail"), []check{errorPage(500)}},
			{"in order", get("/events"), []check{value("events", []any{
				[]any{"response_started", "/events", 0.0},
				[]any{"request_finished", "/events", 200.0},
				[]any{"request_started", "", 0.0},
				[]any{"response_started", "/answer", 0.0},
				[]any{"request_finished", "/answer", 201.0},
				[]any{"request_started", "", 0.0},
				[]any{"request_exception", "/fail", 0.0},
				[]any{"request_finished", "/fail", 0.0},
				[]any{"request_started", "", 0.0},
			})}},
		})
	})
}

// testRequestMetrics: what one period has counted, and nothing of the one before.
func testRequestMetrics(t *testing.T, g *gateway) {
	report(t, g, "/requests") // ends the period in which other tests have asked
	const uploads = 3
	for range uploads {
		play(t, g, []exchange{{"upload", request("POST", "/answer?200", "12345"), []check{status(200)}}})
	}
	play(t, g, []exchange{
		{"not found", get("/answer?404"), []check{status(404)}},
		{"raised", get("/fail"), []check{errorPage(500)}},
		{"counted", get("/requests"), []check{
			// One more is the request that ended the period before.
			value("request_count", 1.0+uploads+2), value("status_2xx", 1.0+uploads), value("status_3xx", 0.0), value("status_4xx", 1.0), value("status_5xx", 1.0),
			value("input_bytes", 5.0*uploads), value("request_threads_maximum", 3.0),
			has("pid", "start_time", "stop_time", "sample_period", "request_throughput", "capacity_utilization",
				"request_threads_started", "request_threads_active", "request_threads_buckets", "input_reads", "output_bytes", "output_writes",
				"queue_time", "queue_time_buckets", "daemon_time", "daemon_time_buckets", "application_time", "application_time_buckets",
				"request_time", "server_time", "cpu_user_time", "cpu_system_time", "memory_rss", "memory_max_rss"),
		}},
		{"a new period", get("/requests"), []check{value("request_count", 1.0), value("status_4xx", 0.0), value("input_bytes", 0.0)}},
	})
}

// report is a JSON object that the application answers.
func report(t *testing.T, g *gateway, target string) map[string]any {
	t.Helper()
	r, seen := g.send(get(target)), map[string]any{}
	if err := json.Unmarshal([]byte(r.body), &seen); err != nil {
		t.Fatalf("%s: status %d, %v in %.200q", target, r.status, err, r.body)
	}
	return seen
}

// has are keys that must be there, whatever they hold.
func has(keys ...string) check {
	return func(r *reply) string {
		seen := map[string]any{}
		if err := json.Unmarshal([]byte(r.body), &seen); err != nil {
			return fmt.Sprint("body is no JSON: ", err)
		}
		for _, key := range keys {
			if _, present := seen[key]; !present {
				return key + " is missing"
			}
		}
		return ""
	}
}
