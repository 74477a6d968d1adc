package logfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// keepOpen is a file that is not this package's to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// open opens the file, and closes the one that was open before. On failure that
// one is used on. The caller holds file, or is alone.
func (f *File) open() error {
	if f.path == "" {
		return nil
	}
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, f.mode)
	if err != nil {
		return fmt.Errorf("cannot open the log file: %w", err)
	}
	old := f.out
	f.out, f.torn = out, 0 // a line that was torn is written whole to the new one
	if old == nil {
		return nil
	}
	if err := old.Close(); err != nil {
		f.log.Warn("cannot close the old log file", "file", f.path, "err", err)
	}
	return nil
}

// Reopen opens the file that has the name now. When it returns nothing is written
// any more to the one that was open before; what was logged and not yet written
// goes to the new one. When that cannot be opened, the old one is used on and the
// error says why.
func (f *File) Reopen() error {
	if f == nil {
		return nil
	}
	f.file.Lock()
	defer f.file.Unlock()
	if f.over {
		return nil
	}
	if err := f.open(); err != nil {
		return err
	}
	f.rouse() // what the old one did not take
	return nil
}

// Close writes what is left and closes the file.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	close(f.stop)
	<-f.stopped
	f.file.Lock()
	defer f.file.Unlock()
	f.write()
	f.over = true
	var err error
	if lines := linesIn(f.rest); lines > 0 {
		err = fmt.Errorf("%s: the last lines, %d of them, could not be written", f.path, lines)
	}
	if f.out == nil {
		return err
	}
	return errors.Join(err, f.out.Close())
}
