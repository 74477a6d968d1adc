package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/wsgid/wsgid/supervisor/internal/logfile"
	"github.com/wsgid/wsgid/supervisor/logs"
)

// errorLogMode is that of an error log which is made.
const errorLogMode = 0o640

// errorLog is where the records about applications and their requests go: the
// file of error-log, or without one where everything else is logged.
type errorLog struct {
	trouble *slog.Logger // for what goes wrong with the file itself
	wanted  atomic.Bool  // there is a file, or there is going to be one

	mu   sync.RWMutex // held for writing while the file is changed
	path string       // "" without a file
	file *logfile.File
}

// newErrorLog opens the file; one that cannot be opened is tried again.
func newErrorLog(path string, trouble *slog.Logger) *errorLog {
	e := &errorLog{trouble: trouble}
	e.set(path, logfile.OpenPatiently(path, errorLogMode, trouble))
	return e
}

// set puts a file in the place of the present one. Either is nil where there is none.
func (e *errorLog) set(path string, file *logfile.File) (old *logfile.File) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old = e.file
	e.path, e.file = path, file
	e.expect(path)
	return old
}

// current is nil without a file.
func (e *errorLog) current() *logfile.File {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.file
}

// collects says whether a generation that is brought up now should send its
// records.
func (e *errorLog) collects() bool { return e.wanted.Load() }

// expect says that generations are brought up for a site with that error-log.
func (e *errorLog) expect(path string) { e.wanted.Store(path != "") }

// prepare opens another file, for replace, or for nobody: then the caller closes
// it. It is nil if there is to be none, or the same.
func (e *errorLog) prepare(path string) (*logfile.File, error) {
	if path == e.path { // which nobody but the caller changes
		return nil, nil
	}
	file, err := logfile.Open(path, errorLogMode, e.trouble)
	if err != nil {
		return nil, fmt.Errorf("error-log: %w", err)
	}
	return file, nil
}

// replace puts what prepare has opened in the place of the present file.
func (e *errorLog) replace(path string, file *logfile.File) {
	if path == e.path {
		return
	}
	if err := e.set(path, file).Close(); err != nil {
		e.trouble.Error("cannot finish the old error log", "err", err)
	}
}

// reopen opens the file by its name again.
func (e *errorLog) reopen() error {
	if err := e.current().Reopen(); err != nil {
		return fmt.Errorf("error-log: %w", err)
	}
	return nil
}

func (e *errorLog) lost() uint64 { return e.current().Lost() }

func (e *errorLog) close() error { return e.set("", nil).Close() }

// Write implements io.Writer, for one record.
func (e *errorLog) Write(record []byte) (int, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.file == nil {
		return 0, os.ErrClosed
	}
	e.file.Append(func(b []byte) []byte { return append(b, record...) })
	return len(record), nil
}

// logger is for the records; other takes them while there is no file.
func (e *errorLog) logger(other slog.Handler) *slog.Logger {
	return slog.New(&dividedHandler{log: e, file: logs.NewFile(e, slog.LevelDebug), other: other})
}

// dividedHandler is for records that go to the file, if there is one.
type dividedHandler struct {
	log         *errorLog
	file, other slog.Handler
}

// Enabled implements slog.Handler.
func (h *dividedHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.other.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *dividedHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.log.current() == nil || h.file.Handle(ctx, r) != nil {
		return h.other.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *dividedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &dividedHandler{log: h.log, file: h.file.WithAttrs(attrs), other: h.other.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *dividedHandler) WithGroup(name string) slog.Handler {
	return &dividedHandler{log: h.log, file: h.file.WithGroup(name), other: h.other.WithGroup(name)}
}
