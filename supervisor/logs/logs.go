// Package logs makes the loggers of wsgid's processes: text for people, JSON
// for programs, records with fields for the journal. Keys are the same in all
// of them: site, group, generation, process, pid, request_id, err, duration.
//
// What it keeps true:
//
//   - A record arrives whole, a traceback with its message.
//   - The journal never makes a caller wait, nor fails one. What it does not take
//     at once goes to the writer that the logger was given; what that has no room
//     for is counted, and the count logged once records arrive again.
//   - journalctl alone shows what text would: the attributes stand in the message
//     as well as in fields of their own.
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// New returns a logger; level is the least that is written. format is
//
//   - "text": lines for people, to w;
//   - "json": an object in a line, to w;
//   - "journal": records with fields, to the journal of the system. w gets, as
//     text, what the journal does not take;
//   - "auto": "journal" if w is connected to the journal (JOURNAL_STREAM,
//     systemd.exec(5)), else "text".
//
// An attribute becomes the field of its name in capitals: site is SITE=, and
// err in an open group g is G_ERR=. The exception is pid, which is a worker's:
// WORKER_PID=, to be told from the journal's own _PID=, the writer's.
func New(format string, w io.Writer, level slog.Leveler) (*slog.Logger, error) {
	stream := os.Getenv("JOURNAL_STREAM")
	if format == "auto" {
		format = "text"
		if isStream(w, stream) {
			format = "journal"
		}
	}
	switch format {
	case "text":
		return slog.New(newTextHandler(w, level)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	case "journal":
		h, err := newJournalHandler(journalSocket, w, isStream(w, stream), level)
		if err != nil {
			return nil, err
		}
		return slog.New(h), nil
	}
	return nil, fmt.Errorf("there is no log format %q: auto, text, json and journal are", format)
}
