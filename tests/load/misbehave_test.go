package load

import (
	"io"
	"strings"
	"time"
)

const chunkedField = "Transfer-Encoding: chunked\r\n"

// misbehaviour is one request that goes wrong among five that do not.
type misbehaviour struct {
	name    string
	workers Workers // Job: Get when it is not set
	only    string  // the network; empty: both
	do      func(*asked) (goOn bool)
	want    map[Kind]int // all that is not OK
	slow    time.Duration
	timeout time.Duration
	detail  string // in the failure
}

func one(kind Kind) map[Kind]int { return map[Kind]int{kind: 1} }

// closing ends the connection after what do sends.
func closing(do func(*asked) string) func(*asked) bool {
	return func(a *asked) bool {
		a.send(do(a))
		return false
	}
}

// staying keeps it.
func staying(do func(*asked) string) func(*asked) bool {
	return func(a *asked) bool {
		a.send(do(a))
		return true
	}
}

func nothing(*asked) string { return "" }

func failures() []misbehaviour {
	get := Workers{Job: Get}
	getClose := Workers{Job: GetClose}
	stream := Workers{Job: Stream, Bytes: 20_000}
	chunked := Workers{Job: Stream, Bytes: 20_000, Chunked: true}
	upload := Workers{Job: Upload, Bytes: 300_000}
	return []misbehaviour{
		{name: "nothing wrong", do: staying(func(a *asked) string { return a.head("") + a.content() })},
		{
			name: "status, kept", want: one(WrongStatus), detail: `body "oops"`,
			do: staying(func(*asked) string { return "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\noops" }),
		},
		{
			name: "status, closed", want: one(WrongStatus),
			do: closing(func(*asked) string { return "HTTP/1.1 502 No\r\nConnection: close\r\n\r\noops" }),
		},
		{
			name: "status, truncated", want: one(Truncated),
			do: closing(func(*asked) string { return "HTTP/1.1 502 No\r\nContent-Length: 5\r\n\r\noops" }),
		},

		{name: "FIN under a request on a used connection", workers: get, do: closing(nothing), want: one(ClosedReused)},
		{name: "FIN under a request on a new connection", workers: getClose, do: closing(nothing), want: one(ClosedFresh)},
		{
			name: "RST under a request on a used connection", only: "tcp", want: one(ClosedReused),
			do: func(a *asked) bool { a.reset(); return false },
		},
		{
			name: "RST under a request on a new connection", workers: getClose, only: "tcp", want: one(Reset),
			do: func(a *asked) bool { a.reset(); return false },
		},
		{
			name: "RST in an answer", only: "tcp", want: one(Reset),
			do: func(a *asked) bool { a.send(a.head("")); a.reset(); return false },
		},
		{
			name: "RST under an upload on a used connection", only: "tcp", want: one(ClosedReused),
			workers: Workers{Job: Upload, Bytes: 1_000_000},
			do:      func(a *asked) bool { a.reset(); return false },
		},

		{name: "the head cut off", do: closing(func(a *asked) string { return a.head("")[:40] }), want: one(Truncated)},
		{name: "the status line cut off", do: closing(func(*asked) string { return "HTTP" }), want: one(Truncated)},
		{
			name: "Content-Length not reached", workers: stream, want: one(Truncated),
			do: closing(func(a *asked) string { return a.head("") + a.content()[:19_999] }),
		},
		{
			name: "no last chunk", workers: chunked, want: one(Truncated),
			do: closing(func(a *asked) string { return a.head(chunkedField) + chunks(a.content()) }),
		},
		{
			name: "a chunk cut off", workers: chunked, want: one(Truncated),
			do: closing(func(a *asked) string { return a.head(chunkedField) + chunks(a.content())[:5000] }),
		},
		{
			name: "a last chunk without its end", workers: chunked, want: one(Truncated),
			do: closing(func(a *asked) string { return a.head(chunkedField) + chunks(a.content()) + "0\r\n" }),
		},
		{
			name: "end of a body that ends with the connection", workers: stream, want: one(WrongContent),
			do: closing(func(a *asked) string { return a.head("X: y\r\n") + a.content()[:19_999] }),
		},

		{name: "no HTTP", do: closing(func(*asked) string { return "hello there\r\n" }), want: one(Malformed)},
		{name: "no HTTP and no line", do: closing(func(*asked) string { return "hello" }), want: one(Malformed)},
		{
			name: "lines without CR", want: one(Malformed),
			do: staying(func(a *asked) string { return strings.ReplaceAll(a.head(""), "\r", "") + a.content() }),
		},
		{
			name: "two lengths", want: one(Malformed),
			do: staying(func(a *asked) string {
				return a.head("Content-Length: 3\r\nContent-Length: 3\r\n") + a.content()
			}),
		},
		{
			name: "length beside chunks", want: one(Malformed),
			do: staying(func(a *asked) string { return a.head(chunkedField+"Content-Length: 3\r\n") + a.content() }),
		},
		{
			name: "no size of a chunk", workers: chunked, want: one(Malformed),
			do: staying(func(a *asked) string { return a.head(chunkedField) + "size\r\n" + a.content() }),
		},
		{
			name: "a chunk longer than it says", workers: chunked, want: one(Malformed),
			do: staying(func(a *asked) string { return a.head(chunkedField) + "4e1f\r\n" + a.content() + "\r\n0\r\n\r\n" }),
		},

		{
			name: "another length", want: one(WrongContent), detail: "is missing",
			do: staying(func(a *asked) string { return a.head("Content-Length: 3\r\n") + a.content()[:3] }),
		},
		{
			name: "more than asked for", workers: stream, want: one(WrongContent), detail: "goes on",
			do: staying(func(a *asked) string { return a.head("Content-Length: 20001\r\n") + a.content() + "x" }),
		},
		{
			name: "another's body under the right head", want: one(WrongContent),
			do: staying(func(a *asked) string { return a.head("") + strings.Replace(a.content(), "-", "+", 1) }),
		},
		{
			name: "one byte of a stream", workers: stream, want: one(WrongContent), detail: "at byte 8192 of",
			do: staying(func(a *asked) string {
				b := []byte(a.content())
				b[8192] ^= 1
				return a.head("") + string(b)
			}),
		},
		{
			name: "a chunk sent twice", workers: chunked, want: one(WrongContent), detail: "at byte 4096 of",
			do: staying(func(a *asked) string {
				c := a.content()
				return a.head(chunkedField) + chunks(c[:4096], c[:4096], c[4096:]) + "0\r\n\r\n"
			}),
		},
		{
			name: "a digest", workers: upload, want: one(WrongContent),
			do: staying(func(a *asked) string {
				a.content()
				a.query["sum"][0] = strings.Repeat("0", 64) + " 300000 " + a.id + "\n"
				return a.head("") + a.content()
			}),
		},

		{
			name: "the answer before, again", want: one(Foreign),
			do: staying(func(a *asked) string { return a.fake.last }),
		},
		{
			name: "an answer to another", want: one(Foreign), detail: `for "xa`,
			do: staying(func(a *asked) string { a.id = "xa" + a.id; return a.head("") + a.content() }),
		},
		{
			name: "an answer to nobody", want: one(Foreign), detail: `for ""`,
			do: staying(func(*asked) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" }),
		},
		{
			name: "the same call's answer, under the right id", want: one(Foreign), detail: "before",
			do: staying(func(a *asked) string { a.number--; return a.head("") + a.content() }),
		},
		{
			name: "bytes behind the answer", want: one(Unasked),
			do: staying(func(a *asked) string { return a.head("") + a.content() + "\r\n" }),
		},
		{
			name: "the answer twice, the second time when nothing is asked", want: one(Unasked),
			workers: Workers{Job: Get, Think: 100 * time.Millisecond},
			do: func(a *asked) bool {
				a.answer()
				time.Sleep(10 * time.Millisecond)
				a.answer()
				return true
			},
		},
		{
			name: "bytes behind the answer before the close", workers: getClose, want: one(Unasked),
			do: closing(func(a *asked) string { return a.head("") + a.content() + "x" }),
		},

		{
			name: "no answer", timeout: 300 * time.Millisecond, want: one(Timeout),
			do: func(a *asked) bool { _, _ = a.reader.ReadByte(); return false },
		},
		{
			name: "half an answer", timeout: 300 * time.Millisecond, want: one(Timeout),
			do: func(a *asked) bool { a.send(a.head("")); _, _ = a.reader.ReadByte(); return false },
		},
		{
			name: "late", slow: 400 * time.Millisecond, want: one(Slow),
			do: func(a *asked) bool { time.Sleep(900 * time.Millisecond); a.answer(); return true },
		},

		{
			name: "an upload answered early", want: one(WrongStatus), detail: `body "large"`,
			workers: Workers{Job: Upload, Bytes: 50_000, For: 200 * time.Millisecond},
			do: func(a *asked) bool {
				a.send("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge")
				_, _ = io.Copy(io.Discard, a.body)
				return false
			},
		},
	}
}

// harmless is what a client has to put up with.
func harmless() []misbehaviour {
	pause := Workers{Job: Get, Think: 100 * time.Millisecond}
	return []misbehaviour{
		{
			name: "closed while idle", workers: pause, want: one(ClosedIdle),
			do: closing(func(a *asked) string { return a.head("") + a.content() }),
		},
		{
			name: "reset while idle", workers: pause, only: "tcp", want: one(ClosedIdle),
			do: func(a *asked) bool { a.answer(); time.Sleep(20 * time.Millisecond); a.reset(); return false },
		},
		{
			name: "close announced", want: map[Kind]int{},
			do: closing(func(a *asked) string { return a.head("Connection: close\r\n") + a.content() }),
		},
		{
			name: "left open", workers: Workers{Job: GetClose}, want: one(LeftOpen),
			do: staying(func(a *asked) string { return a.head("") + a.content() }),
		},
		{
			name: "interim answers",
			do: staying(func(a *asked) string {
				return "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + a.head("") + a.content()
			}),
		},
		{
			name: "body in small chunks, with trailers", workers: Workers{Job: Download, Bytes: 10_000, Chunked: true},
			do: staying(func(a *asked) string {
				c := a.content()
				return a.head(chunkedField) + chunks(c[:1], c[1:9], c[9:9999]) + "001;x=y\r\n" + c[9999:] + "\r\n0\r\nA: b\r\n\r\n"
			}),
		},
		{name: "uploads", workers: Workers{Job: Upload, Bytes: 200_000}},
		{name: "chunked uploads over time", workers: Workers{Job: Upload, Bytes: 30_000, Chunked: true, For: 100 * time.Millisecond}},
		{name: "posts", workers: Workers{Job: Post}},
		{name: "downloads over time", workers: Workers{Job: Download, Bytes: 400_000, For: 100 * time.Millisecond}},
	}
}
