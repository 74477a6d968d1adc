package conformance_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// testInput: wsgi.input, PEP 3333 "Input and Error Streams", the same for every way in
// which a body can come.
func testInput(t *testing.T) {
	g := serve(t, config{app: "input.py"})
	const text = "one\ntwo\nthree"
	tests := []struct {
		name, steps string
		want        []any
	}{
		{"read", "read", []any{text}},
		{"read in parts", "read:5;read:5;read:5", []any{"one\nt", "wo\nth", "ree"}},
		{"read more than there is", "read:1000", []any{text}},
		{"read nothing", "read:0;read", []any{"", text}},
		{"read with -1", "read:-1", []any{text}},
		{"past the end", "read;read;read:1;readline;readlines;iterate", []any{text, "", "", "", []any{}, []any{}}},
		{"readline", "readline;readline;readline;readline", []any{"one\n", "two\n", "three", ""}},
		{"readline with a size", "readline:2;readline:100;readline:4", []any{"on", "e\n", "two\n"}},
		{"readlines", "readlines", []any{[]any{"one\n", "two\n", "three"}}},
		{"readlines with a hint", "readlines:1;read", []any{[]any{"one\n"}, "two\nthree"}},
		{"iterate", "iterate", []any{[]any{"one\n", "two\n", "three"}}},
		{"next", "next;next", []any{"one\n", "two\n"}},
		{"mixed", "readline;read:2;iterate", []any{"one\n", "tw", []any{"o\n", "three"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := []check{answered(test.want)}
			play(t, g, []exchange{
				{"with a length", request("POST", "/?"+test.steps, text), want},
				{"chunked", chunked("/?"+test.steps, text, 4), want},
				{"chunk by byte", chunked("/?"+test.steps, text, 1), want},
			})
		})
	}
	t.Run("no body", func(t *testing.T) {
		want := []check{answered([]any{"", "", []any{}})}
		play(t, g, []exchange{
			{"GET", get("/?read;readline;iterate"), want},
			{"POST", request("POST", "/?read;readline;iterate", "", "Content-Length: 0"), want},
			{"chunked", chunked("/?read;readline;iterate", "", 1), want},
		})
	})
	t.Run("chunked-request off", func(t *testing.T) {
		off := serve(t, config{app: "input.py", mount: "chunked-request = false"})
		play(t, off, []exchange{
			{"chunked", chunked("/?read", text, 4), []check{errorPage(411)}},
			{"with a length", request("POST", "/?read", text), []check{answered([]any{text})}},
		})
	})
	t.Run("spooled", func(t *testing.T) {
		long := strings.Repeat("0123456789abcde\n", 1<<15)
		play(t, g, []exchange{
			{"lines", request("POST", "/?readline;readline:4;read", long), []check{answered([]any{long[:16], long[16:20], long[20:]})}},
			{"chunked", chunked("/?read:70000;read", long, 1000), []check{answered([]any{long[:70000], long[70000:]})}},
		})
	})
}

// answered is the JSON that the application gives.
func answered(want any) check {
	return func(r *reply) string {
		var got any
		if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != 200 {
			return fmt.Sprint("no JSON: ", err)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("got %.300v, want %.300v", got, want)
		}
		return ""
	}
}

// chunked is a POST whose body has no length, in chunks of a size.
func chunked(target, body string, size int) string {
	var b strings.Builder
	b.WriteString("POST " + target + " HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}
