package http1

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the parser says into testdata as expected")

// A corpusCase is one input with what is expected of it. In an archive the section
// "name" holds the input and "name: want" the expectation. Line breaks of the
// archive are not part of the input, all of whose own are written as escapes: \r \n \t \\ \xHH,
// and \{N:text} for N times text.
type corpusCase struct {
	name, want string
	input      []byte
}

// eachCase runs test on every case of the archives of testdata/dir. test returns
// what was found, which is compared or, with -update, stored.
func eachCase(t *testing.T, dir string, test func(t *testing.T, input []byte) string) {
	t.Helper()
	for _, path := range archives(t, dir) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, cases := readArchive(t, path)
			for i, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					got := test(t, c.input)
					if *update {
						archive.Files[2*i+1].Data = []byte(got)
					} else if got != c.want {
						t.Errorf("got:\n%swant:\n%s", got, c.want)
					}
				})
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func archives(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no archives in testdata/%s: %v", dir, err)
	}
	return paths
}

func readArchive(tb testing.TB, path string) (*txtar.Archive, []corpusCase) {
	tb.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var cases []corpusCase
	for i := 0; i < len(archive.Files); i += 2 {
		in := archive.Files[i]
		if i+1 == len(archive.Files) || archive.Files[i+1].Name != in.Name+": want" {
			tb.Fatalf("%s: %q is not followed by its expectation", path, in.Name)
		}
		input, err := unescape(strings.ReplaceAll(string(in.Data), "\n", ""))
		if err != nil {
			tb.Fatalf("%s: %q: %v", path, in.Name, err)
		}
		cases = append(cases, corpusCase{in.Name, string(archive.Files[i+1].Data), input})
	}
	return archive, cases
}

// corpusInputs returns the inputs of all cases, as seeds for fuzzing.
func corpusInputs(tb testing.TB, dir string) (inputs [][]byte) {
	tb.Helper()
	for _, path := range archives(tb, dir) {
		_, cases := readArchive(tb, path)
		for _, c := range cases {
			inputs = append(inputs, c.input)
		}
	}
	return inputs
}

func unescape(s string) ([]byte, error) {
	var out []byte
	for len(s) > 0 {
		if count, text, rest, ok := repeated(s); ok {
			once, err := unescape(text)
			if err != nil {
				return nil, err
			}
			out, s = append(out, bytes.Repeat(once, count)...), rest
			continue
		}
		if s[0] >= 0x80 {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		c, _, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot read escape at %q", s)
		}
		out, s = append(out, byte(c)), rest
	}
	return out, nil
}

// repeated takes \{N:text} off the front of s.
func repeated(s string) (count int, text, rest string, ok bool) {
	body, found := strings.CutPrefix(s, `\{`)
	if !found {
		return 0, "", "", false
	}
	body, rest, found = strings.Cut(body, "}")
	number, text, colon := strings.Cut(body, ":")
	count, err := strconv.Atoi(number)
	return count, text, rest, found && colon && err == nil
}

// TestCorpusHeads holds the parser to the corpus, and to giving the same answer
// however the bytes arrive.
func TestCorpusHeads(t *testing.T) {
	eachCase(t, "heads", func(t *testing.T, input []byte) string {
		whole := readHead(input)
		for _, cut := range cuts(input) {
			if got := readHead(input[:cut], input); got != whole {
				t.Fatalf("cut after %d bytes:\n%swhole:\n%s", cut, got, whole)
			}
		}
		if got := readHead(prefixes(input)...); got != whole {
			t.Fatalf("byte by byte:\n%swhole:\n%s", got, whole)
		}
		return whole
	})
}

// cuts returns where to cut input in two: everywhere, but in the long stretches of one
// repeated byte, which only the largest inputs have, at every 499th byte.
func cuts(input []byte) (at []int) {
	for i := 1; i < len(input); i++ {
		stretch := i > 40 && len(input)-i > 40 && len(bytes.Trim(input[i-40:i+40], string(input[i:i+1]))) == 0
		if !stretch || i%499 == 0 {
			at = append(at, i)
		}
	}
	return at
}

// prefixes returns what has been received when input arrives one byte at a time.
func prefixes(input []byte) (all [][]byte) {
	for i := range input {
		all = append(all, input[:i+1])
	}
	return all
}

// readHead scans a buffer that grows as given, parses the head once its end has come,
// and describes the outcome.
func readHead(buffers ...[]byte) string {
	var s Scanner
	var r Request
	lim := DefaultLimits()
	for _, buf := range buffers {
		end, err := s.Scan(buf, &lim)
		if err == nil && end == 0 {
			continue
		}
		if err == nil {
			err = r.Parse(buf[:end], &lim)
		}
		if err != nil {
			return err.Error() + "\n"
		}
		return describe(&r)
	}
	return "incomplete\n"
}

func describe(r *Request) string {
	var b strings.Builder
	forms := [...]string{"origin", "absolute", "authority", "asterisk"}
	fmt.Fprintf(&b, "%q %q HTTP/1.%d %s\n", r.Method, r.Target, r.Minor, forms[r.Form])
	for _, part := range []struct {
		name  string
		value []byte
	}{{"path", r.Path}, {"query", r.Query}, {"host", r.Host}, {"scheme", r.Scheme}} {
		if part.value != nil {
			fmt.Fprintf(&b, "%s %q\n", part.name, part.value)
		}
	}
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "field %q %q\n", f.Name, f.Value)
	}
	if r.HasContentLength {
		fmt.Fprintf(&b, "length %d\n", r.ContentLength)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"chunked", r.Chunked}, {"close", r.Close}, {"expect", r.ExpectContinue}} {
		if flag.set {
			b.WriteString(flag.name + "\n")
		}
	}
	return b.String()
}

// TestCorpusChunked does the same for chunked bodies.
func TestCorpusChunked(t *testing.T) {
	eachCase(t, "chunked", func(t *testing.T, input []byte) string {
		whole := readChunks(input)
		for _, cut := range cuts(input) {
			if got := readChunks(input[:cut], input[cut:]); got != whole {
				t.Fatalf("cut after %d bytes:\n%swhole:\n%s", cut, got, whole)
			}
		}
		if got := readChunks(bytes.SplitAfter(input, nil)...); got != whole {
			t.Fatalf("byte by byte:\n%swhole:\n%s", got, whole)
		}
		return whole
	})
}

// readChunks decodes a body that arrives in the given pieces and describes the outcome.
func readChunks(pieces ...[]byte) string {
	var c Chunked
	body, rest, err := decode(&c, pieces...)
	switch {
	case err != nil:
		return fmt.Sprintf("%s after %s\n", err, brief(body))
	case !c.Done():
		return fmt.Sprintf("incomplete after %s\n", brief(body))
	}
	return fmt.Sprintf("%s\nrest %q\n", brief(body), rest)
}

func brief(b []byte) string {
	if len(b) > 100 {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return strconv.Quote(string(b))
}

// decode feeds the pieces to c and collects the body, and what follows it.
func decode(c *Chunked, pieces ...[]byte) (body, rest []byte, err error) {
	for _, p := range pieces {
		for len(p) > 0 && !c.Done() {
			data, n, err := c.Next(p)
			if err != nil {
				return body, nil, err
			}
			body, p = append(body, data...), p[n:]
		}
		rest = append(rest, p...)
	}
	return body, rest, nil
}
