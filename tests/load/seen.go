package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Seen is one call of the application, as it recorded it before it did anything else.
type Seen struct {
	ID         string
	Method     string
	PID        int
	Token      int // the process's own count of its calls
	Generation string
}

// ReadSeen reads the application's record.
func ReadSeen(r io.Reader) ([]Seen, error) {
	var all []Seen
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		if len(words) != 5 {
			return nil, fmt.Errorf("cannot read the record: line %d is %q", len(all)+1, lines.Text())
		}
		pid, errPID := strconv.Atoi(words[2])
		token, errToken := strconv.Atoi(words[3])
		if errPID != nil || errToken != nil {
			return nil, fmt.Errorf("cannot read the record: line %d is %q", len(all)+1, lines.Text())
		}
		all = append(all, Seen{ID: words[0], Method: words[1], PID: pid, Token: token, Generation: words[4]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	return all, nil
}

// Seen asks the application for its record, on a connection of its own.
func (c *Client) Seen(ctx context.Context) ([]Seen, error) {
	within := c.options.Timeout
	conn, err := connect(ctx, c.options.Dial, within)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the record: %w", err)
	}
	defer conn.hangUp()
	if err := conn.begin(ctx, time.Now().Add(within)); err != nil {
		return nil, err
	}
	ask := fmt.Sprintf("GET %s/seen?id=%s-seen HTTP/1.1\r\nHost: %s\r\nX-Load-Id: %s-seen\r\nConnection: close\r\n\r\n",
		c.options.Prefix, c.run, c.options.Host, c.run)
	if _, err := io.WriteString(conn, ask); err != nil {
		return nil, fmt.Errorf("cannot ask for the record: %w", err)
	}
	head, err := readHead(conn.reader)
	if err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	var body whole
	if err := head.readBody(conn.reader, &body); err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	if head.status != 200 {
		return nil, fmt.Errorf("cannot read the record: status %d, %s", head.status, clip(body))
	}
	return ReadSeen(strings.NewReader(string(body)))
}

// whole is a body of which everything is wanted.
type whole []byte

func (b *whole) take(piece []byte) error {
	*b = append(*b, piece...)
	return nil
}

func (b *whole) end() error { return nil }

// Repeated gives the calls for requests of this run that had been recorded before:
// requests that were served twice.
func (r *Report) Repeated(seen []Seen) []Seen {
	var repeated []Seen
	known := make([]bitmap, len(r.answered))
	for _, s := range seen {
		if worker, sequence, ours := r.parseID(s.ID); ours && !known[worker].add(sequence) {
			repeated = append(repeated, s)
		}
	}
	return repeated
}

// Unrecorded gives the ids of requests that had a right answer but that the
// application has not recorded: somebody else answered them.
func (r *Report) Unrecorded(seen []Seen) []string {
	known := make([]bitmap, len(r.answered))
	for _, s := range seen {
		if worker, sequence, ours := r.parseID(s.ID); ours {
			known[worker].add(sequence)
		}
	}
	var missing []string
	for worker, answered := range r.answered {
		for sequence := range len(answered) * 64 {
			if answered.has(sequence) && !known[worker].has(sequence) {
				missing = append(missing, requestID(r.run, worker, sequence))
			}
		}
	}
	return missing
}

// requestID is unique among the requests of all runs.
func requestID(run string, worker, sequence int) string {
	return run + "-" + strconv.Itoa(worker) + "-" + strconv.Itoa(sequence)
}

func (r *Report) parseID(id string) (worker, sequence int, ours bool) {
	run, rest, _ := strings.Cut(id, "-")
	number, count, _ := strings.Cut(rest, "-")
	worker, errWorker := strconv.Atoi(number)
	sequence, errSequence := strconv.Atoi(count)
	ours = run == r.run && errWorker == nil && errSequence == nil && worker >= 0 && worker < len(r.answered) && sequence >= 0
	return worker, sequence, ours
}
