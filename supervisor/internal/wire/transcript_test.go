package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the headers' bytes into testdata")

// A transcript is an exchange as both ends of the worker link see it. Its
// "exchange" has a line for each frame, as text, and below it the bytes of the
// frame's header:
//
//	> request flags=last head="REQUEST_METHOD\x00GET\x00"
//	01 01 0000 13000000 00000000 00000000 00000000
//
// ">" goes to the worker and "<" comes from it. head, body and file are quoted
// strings, which may be repeated ("x"*1000); file is what the descriptor beside
// the frame holds. Times are not known beforehand and written as ########.
// The tests of the Python program play the front end by the same lines.
type line struct {
	number  int
	from    bool // from the worker
	header  Header
	head    []byte
	body    []byte
	timed   bool // P and Q are times
	encoded string
}

var kinds = map[string]Kind{
	"request": Request, "body": Body, "body-file": BodyFile, "take": Take,
	"response": Response, "data": Data, "end": End, "failed": Failed, "want": Want, "file": File, "refused": Refused, "user": User,
}

var flagBits = map[string]uint8{"last": Last, "aborted": Aborted, "deferred": Deferred}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 15 {
		t.Fatalf("found %d transcripts: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "exchange" })
			if i < 0 {
				t.Fatal("no exchange")
			}
			if *update {
				archive.Files[i].Data = encodeExchange(t, archive.Files[i].Data)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, l := range parseExchange(t, archive.Files[i].Data) {
				checkLine(t, l)
			}
		})
	}
}

// checkLine holds Put and Parse against the bytes of the transcript.
func checkLine(t *testing.T, l line) {
	t.Helper()
	want, err := hex.DecodeString(strings.NewReplacer(" ", "", "#", "0").Replace(l.encoded))
	if err != nil || len(want) != HeaderSize {
		t.Fatalf("line %d: %q is no header: %v", l.number, l.encoded, err)
	}
	var got [HeaderSize]byte
	l.header.Put(got[:])
	if !bytes.Equal(got[:], want) {
		t.Errorf("line %d: Put gives % x, the transcript has % x", l.number, got, want)
	}
	var parsed Header
	if err := parsed.Parse(want); err != nil {
		t.Fatalf("line %d: %v", l.number, err)
	}
	if parsed != l.header {
		t.Errorf("line %d: Parse gives %+v, the transcript says %+v", l.number, parsed, l.header)
	}
	if toWorker := l.header.Kind < 16; toWorker == l.from {
		t.Errorf("line %d: a frame of kind %d in the wrong direction", l.number, l.header.Kind)
	}
}

// parseExchange returns the frames of an exchange.
func parseExchange(t *testing.T, text []byte) []line {
	t.Helper()
	var lines []line
	source := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := 0; i < len(source); i++ {
		l, isFrame, err := parseLine(source[i])
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if !isFrame {
			continue
		}
		l.number = i + 1
		if i++; i < len(source) {
			l.encoded = source[i]
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		t.Fatal("no frame in the exchange")
	}
	return lines
}

// encodeExchange writes the bytes of every frame's header below it.
func encodeExchange(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for source := range strings.Lines(string(text)) {
		source = strings.TrimSpace(source)
		if !strings.HasPrefix(source, ">") && !strings.HasPrefix(source, "<") {
			continue
		}
		out.WriteString(source + "\n")
		l, isFrame, err := parseLine(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if isFrame {
			out.WriteString(headerText(&l) + "\n")
		}
	}
	return out.Bytes()
}

func headerText(l *line) string {
	var b [HeaderSize]byte
	l.header.Put(b[:])
	text := fmt.Sprintf("%x %x %x %x %x", b[0:1], b[1:2], b[2:4], b[4:8], b[8:12])
	if l.timed {
		return text + " ######## ########"
	}
	return text + fmt.Sprintf(" %x %x", b[12:16], b[16:20])
}

// parseLine reads a line that describes a frame. A descriptor that the worker
// sends after Take is no frame.
func parseLine(text string) (l line, isFrame bool, err error) {
	direction, rest, _ := strings.Cut(text, " ")
	name, rest, _ := strings.Cut(rest, " ")
	if direction != ">" && direction != "<" {
		return l, false, fmt.Errorf("%q begins neither with > nor with <", text)
	}
	l.from = direction == "<"
	if name == "descriptor" {
		return l, false, nil
	}
	kind, known := kinds[name]
	if !known {
		return l, false, fmt.Errorf("unknown frame %q", name)
	}
	l.header.Kind = kind
	for rest != "" && err == nil {
		var key string
		key, rest, _ = strings.Cut(rest, "=")
		rest, err = l.set(key, rest)
	}
	l.header.Head, l.header.Body = uint32(len(l.head)), uint32(len(l.body))
	l.timed = kind == End || kind == Failed || kind == Refused || kind == Response && l.header.Flags&Last != 0
	return l, true, err
}

// set reads the value of a key from the start of text and returns what follows.
func (l *line) set(key, text string) (rest string, err error) {
	switch key {
	case "head", "body", "file":
		value, rest, err := quoted(text)
		switch key {
		case "head":
			l.head = value
		case "body":
			l.body = value
		}
		return rest, err
	}
	value, rest, _ := strings.Cut(text, " ")
	switch key {
	case "flags":
		for name := range strings.SplitSeq(value, "+") {
			bit, known := flagBits[name]
			if !known {
				return "", fmt.Errorf("unknown flag %q", name)
			}
			l.header.Flags |= bit
		}
	case "count":
		n, err := strconv.ParseUint(value, 10, 16)
		l.header.Count = uint16(n)
		return rest, err
	case "length":
		n, err := strconv.ParseUint(value, 10, 64)
		l.header.SetLength(n)
		return rest, err
	default:
		return "", fmt.Errorf("unknown key %q", key)
	}
	return rest, nil
}

// quoted reads a string, and how often it is repeated.
func quoted(text string) (value []byte, rest string, err error) {
	prefix, err := strconv.QuotedPrefix(text)
	if err != nil {
		return nil, "", fmt.Errorf("no string at %q: %w", text, err)
	}
	s, err := strconv.Unquote(prefix)
	if err != nil {
		return nil, "", err
	}
	rest = text[len(prefix):]
	times := 1
	if after, repeated := strings.CutPrefix(rest, "*"); repeated {
		var number string
		number, rest, _ = strings.Cut(after, " ")
		if times, err = strconv.Atoi(number); err != nil {
			return nil, "", err
		}
	}
	return bytes.Repeat([]byte(s), times), strings.TrimPrefix(rest, " "), nil
}
