package conformance_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// testResponse: what an application returns, PEP 3333 "Specification Details" and
// "Handling the Content-Length Header". After each fault the process serves on.
func testResponse(t *testing.T) {
	g := serve(t, config{app: "response.py", group: "processes = 1"})
	var hundred strings.Builder
	for i := range 100 {
		fmt.Fprintf(&hundred, "%02d\n", i)
	}
	play(t, g, []exchange{
		{"list of one", get("/one"), []check{body("one"), header("Content-Length", "3")}},
		{"list", get("/three"), []check{body("one two three")}},
		{"tuple", get("/as_tuple"), []check{body("one two")}},
		{"set", get("/as_set"), []check{body("one")}},
		{"iterator", get("/as_bytes_iterator"), []check{body("one two")}},
		{"empty list", get("/nothing"), []check{status(200), body(""), header("Content-Length", "0")}},
		{"empty iterator", get("/nothing_generated"), []check{status(200), body("")}},
		{"empty blocks", get("/empty_blocks"), []check{body("one two")}},
		{"generator", get("/generator"), []check{body("one two")}},
		{"generator for HTTP/1.0", "GET /generator HTTP/1.0\r\n\r\n", []check{body("one two")}},
		{"100 blocks", get("/hundred"), []check{body(hundred.String())}},
		{"start_response in the generator", get("/started_late"), []check{body("late")}},
		{"large block", get("/large?3000000"), []check{body(strings.Repeat("x", 3_000_000))}},
		{"many blocks", get("/large_generated?2000"), []check{body(strings.Repeat("y", 2_000_000))}},
		{"HEAD", request("HEAD", "/three", ""), []check{status(200), body("")}},
		{"Content-Length", get("/exact_length"), []check{body("one two"), header("Content-Length", "7")}},
		{"more than Content-Length", get("/too_long"), []check{body("one t"), header("Content-Length", "5")}},
		{"less than Content-Length", get("/too_short"), []check{status(200), body("one"), cut}},
	})
	t.Run("close", func(t *testing.T) { testClose(t, g.in(t)) })
	play(t, g, []exchange{
		{"raise", get("/raise_at_once"), []check{errorPage(500)}},
		{"raise before the first block", get("/raise_in_generator"), []check{errorPage(500)}},
		{"raise after the first block", get("/raise_later"), []check{status(200), body("one"), cut}},
		{"raise before Content-Length", get("/raise_later_with_length"), []check{status(200), body("one"), cut}},
		{"SystemExit", get("/system_exit"), []check{errorPage(500)}},
		{"KeyboardInterrupt", get("/keyboard_interrupt"), []check{errorPage(500)}},
		{"BaseException", get("/own_base_exception"), []check{errorPage(500)}},
		{"text", get("/text_block"), []check{errorPage(500)}},
		{"number", get("/number_block"), []check{errorPage(500)}},
		{"bytearray", get("/bytearray_block"), []check{errorPage(500)}},
		{"not iterable", get("/not_iterable"), []check{errorPage(500)}},
		{"None", get("/no_result"), []check{errorPage(500)}},
		{"no start_response", get("/never_started"), []check{errorPage(500)}},
		{"afterwards", get("/one"), []check{body("one")}},
	})
	if strings.Contains(g.log.String(), `"a process has ended"`) {
		t.Error("a fault of the application has ended a process")
	}
}

// testClose: close() of a result is called once, however the response ended.
func testClose(t *testing.T, g *gateway) {
	play(t, g, []exchange{
		{"whole", get("/closing"), []check{body("one two")}},
		{"whole, noted", get("/events"), []check{body("closed")}},
		{"fault", get("/closing_after_fault"), []check{errorPage(500)}},
		{"fault, noted", get("/events"), []check{body("closed")}},
		{"cut", get("/closing_after_cut"), []check{status(200), body("one"), cut}},
		{"cut, noted", get("/events"), []check{body("closed")}},
		{"HEAD", request("HEAD", "/closing", ""), []check{status(200)}},
		{"HEAD, noted", get("/events"), []check{body("closed")}},
	})
	t.Run("client gone", func(t *testing.T) {
		conn, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, get("/endless")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		// The application notices at a later block; nothing tells the test.
		for end := time.Now().Add(limit); g.send(get("/events")).body != "GeneratorExit"; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the generator was not closed within %v", limit)
			}
		}
	})
}
