package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Job is what a worker does over and over.
type Job int

const (
	Get      Job = iota + 1 // GET /hello on a connection that it keeps
	GetClose                // GET /hello, each on a connection of its own, with "Connection: close"
	Post                    // POST /upload of 100 bytes, at once, on a connection that it keeps
	Upload                  // POST /upload of Bytes, sent over For
	Stream                  // GET /stream: the application sends Bytes over For
	Download                // GET /stream: the application sends at once, the worker reads Bytes over For
	Sleep                   // GET /slow: the application sleeps For
	jobs
)

func (j Job) String() string {
	names := [jobs]string{"", "get", "get, close", "post", "upload", "stream", "download", "sleep"}
	if j <= 0 || j >= jobs {
		return fmt.Sprintf("job %d", int(j))
	}
	return names[j]
}

// fast reports whether the job's answers are due at once: gaps are measured by these.
func (j Job) fast() bool { return j == Get || j == GetClose || j == Post }

// Workers are clients that all do the same, each its next request after the last answer.
type Workers struct {
	Job   Job
	Count int // of workers; zero means one

	// Think is the mean pause between an answer and the next request. Each pause is drawn
	// evenly from half of it to one and a half. Zero: no pause, the server sets the pace.
	Think time.Duration

	For     time.Duration // how long an Upload, Stream, Download or Sleep takes; zero: at once
	Bytes   int64         // of an Upload, Stream or Download; zero means 256 KiB
	Chunked bool          // an Upload without Content-Length; a Stream or Download that the application gives none
}

// Options of a client. Dial and Workers are needed.
type Options struct {
	// Dial connects to the server. What it returns has to be a syscall.Conn, as net's own
	// connections are: the client looks into the socket before it writes.
	Dial    func(ctx context.Context) (net.Conn, error)
	Workers []Workers

	Duration  time.Duration // requests begin for so long; zero: until Stop
	Host      string        // the Host field; empty means "load.test"
	Prefix    string        // of every path: "/mount"
	Seed      uint64        // of everything random; zero means one drawn, which the report has
	SlowAfter time.Duration // when a Get, GetClose or Post is Slow; zero: never
	Timeout   time.Duration // of a request beyond its For, the connect included; zero means 30 s
	Keep      int           // failures kept with their circumstances; zero means 100
}

const (
	postBytes    = 100
	defaultBytes = 256 << 10
)

// checked fills in the defaults.
func (o Options) checked() (Options, error) {
	if o.Dial == nil {
		return o, errors.New("cannot make a load client: no Dial")
	}
	if len(o.Workers) == 0 {
		return o, errors.New("cannot make a load client: no Workers")
	}
	o.Workers = append([]Workers(nil), o.Workers...)
	for i := range o.Workers {
		if err := o.Workers[i].check(); err != nil {
			return o, fmt.Errorf("cannot make a load client: workers %d: %w", i, err)
		}
	}
	for _, d := range []time.Duration{o.Duration, o.SlowAfter, o.Timeout} {
		if d < 0 {
			return o, fmt.Errorf("cannot make a load client: duration %v is negative", d)
		}
	}
	if o.Host == "" {
		o.Host = "load.test"
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Keep == 0 {
		o.Keep = 100
	}
	return o, nil
}

func (w *Workers) check() error {
	if w.Job <= 0 || w.Job >= jobs {
		return fmt.Errorf("no %v", w.Job)
	}
	if w.Count < 0 || w.Think < 0 || w.For < 0 || w.Bytes < 0 {
		return fmt.Errorf("%v: a negative number", w.Job)
	}
	sized := w.Job == Upload || w.Job == Stream || w.Job == Download
	if !sized && (w.Bytes > 0 || w.Chunked) {
		return fmt.Errorf("%v has no Bytes and is never Chunked", w.Job)
	}
	if !sized && w.Job != Sleep && w.For > 0 {
		return fmt.Errorf("%v takes no time of its own: no For", w.Job)
	}
	if w.Count == 0 {
		w.Count = 1
	}
	if sized && w.Bytes == 0 {
		w.Bytes = defaultBytes
	}
	if w.Job == Post {
		w.Bytes = postBytes
	}
	return nil
}
