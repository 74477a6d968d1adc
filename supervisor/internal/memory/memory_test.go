package memory

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReadOnly(t *testing.T) {
	t.Parallel()
	const maps = `00400000-0063f000 r-xp 00000000 fe:00 12 /usr/bin/wsgid
0063f000-008de000 r--p 0023f000 fe:00 12 /usr/bin/wsgid
008de000-00901000 rw-p 004de000 fe:00 12 /usr/bin/wsgid
00901000-02938000 rw-p 00000000 00:00 0
7f1b216c0000-7f1b21816000 r-xp 00000000 fe:00 13 /usr/lib/libc.so.6
7f1b21816000-7f1b21817000 r--p 00000000 fe:00 14 /usr/bin/wsgid extra
`
	got := readOnly(strings.NewReader(maps), "/usr/bin/wsgid")
	want := []addresses{{0x400000, 0x63f000}, {0x63f000, 0x8de000}}
	if !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestUnmapProgram: less of the program is mapped afterwards, and it still runs.
func TestUnmapProgram(t *testing.T) {
	before := fileRSS(t)
	unmapProgram()
	if after := fileRSS(t); after >= before {
		t.Errorf("%d KiB of files were mapped before, %d KiB after", before, after)
	}
}

// TestRestSoon: garbage that the collector would not look at yet goes back to the
// system, also when the word comes twice.
func TestRestSoon(t *testing.T) {
	const size = 64 << 20
	garbage := make([]byte, size)
	for i := 0; i < size; i += 4 << 10 {
		garbage[i] = 1
	}
	before := released()
	runtime.KeepAlive(garbage)
	var r Rest
	r.Soon()
	r.Soon()
	for deadline := time.Now().Add(10 * time.Second); released() < before+size/2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB were with the system before, %d MiB are now", before>>20, released()>>20)
		}
	}
}

// released is what of the heap is with the system, in bytes.
func released() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapReleased
}

// fileRSS is RssFile of this process in KiB (proc(5), /proc/pid/status).
func fileRSS(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "RssFile:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		t.Fatalf("no RssFile in %s", status)
	}
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}
