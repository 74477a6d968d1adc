package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// waitAtMost bounds an exchange, where an experiment does not say otherwise: above every time
// that a server is told to take, and short enough for a whole table.
const waitAtMost = 20 * time.Second

// outcome is what a client got for a request, and when.
type outcome struct {
	status int // 0 when there was no response
	body   string
	length int64 // of the body, as far as it came
	cut    bool  // the body ended before its end, and the client can tell
	late   bool  // the client gave up
	took   time.Duration
}

func (o outcome) String() string {
	after := seconds(o.took)
	switch {
	case o.late && o.status == 0:
		return "no answer within " + after
	case o.status == 0:
		return "connection closed after " + after + " without an answer"
	case o.late:
		return fmt.Sprintf("%d, %d bytes, and no end within %s", o.status, o.length, after)
	case o.cut:
		return fmt.Sprintf("%d, visibly cut after %s", o.status, after)
	}
	return fmt.Sprintf("%d after %s", o.status, after)
}

// seconds are shown as a person reads them off a clock, milliseconds where they are few.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// exchange sends a request and reads its response; dial and request are given once.
func exchange(dial func() (net.Conn, error), request string, limit time.Duration) outcome {
	begun := time.Now()
	conn, err := dial()
	if err != nil {
		return outcome{took: time.Since(begun), late: isLate(err)}
	}
	defer conn.Close()
	_ = conn.SetDeadline(begun.Add(limit))
	// Beside the reading: an answer may come before the request has been taken.
	go func() { _, _ = io.WriteString(conn, request) }()
	return await(conn, begun)
}

// await reads the response on a connection on which a request was sent.
func await(conn net.Conn, begun time.Time) outcome {
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return outcome{took: time.Since(begun), late: isLate(err)}
	}
	defer response.Body.Close()
	o := outcome{status: response.StatusCode}
	var text strings.Builder
	o.length, err = io.Copy(&text, response.Body)
	o.took, o.body, o.cut, o.late = time.Since(begun), text.String(), err != nil, isLate(err)
	return o
}

func isLate(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func get(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: faults\r\n\r\n"
}

func post(target string, size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: faults\r\nContent-Length: %d\r\n\r\n%s", target, size, strings.Repeat("x", size))
}

// size is how much of a body came.
func size(o outcome) string { return fmt.Sprint(o.length, " bytes") }
