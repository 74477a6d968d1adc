package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// messages is where errors go. systemd gives a generator /dev/null for a standard
// error, and there is no journal yet: only the kernel's log remains.
type messages struct {
	stderr io.Writer
	kernel *os.File // nil: not wanted, or not there
}

// openKernelLog does so only if path is a device, and never makes a file: in a
// container the device may be missing, and a plain file in its place would fill up
// the memory.
func (m *messages) openKernelLog(path string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		_ = f.Close() // nothing was written
		return
	}
	m.kernel = f
}

// maxRecord is what a record of the kernel's log holds, with room for our prefix:
// 1024 bytes less the kernel's own. A longer one is refused.
const maxRecord = 900

// error says every line of an error. Each write makes one record; <3> is its level,
// LOG_ERR.
func (m *messages) error(err error) {
	fmt.Fprintln(m.stderr, err)
	if m.kernel == nil {
		return
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if len(line) > maxRecord {
			line = strings.ToValidUTF8(line[:maxRecord], "")
		}
		// There is no other place to say that this one failed.
		_, _ = fmt.Fprintf(m.kernel, "<3>wsgid-generator[%d]: %s\n", os.Getpid(), line)
	}
}

func (m *messages) close() {
	if m.kernel != nil {
		_ = m.kernel.Close() // each record has been written
	}
}
