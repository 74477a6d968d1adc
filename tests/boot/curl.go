package boot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Response is what curl got.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Curl runs curl inside, as root, and gives the last response; 100 Continue is none.
// The arguments are curl's: a URL, "--unix-socket" and a path, "-d", "-H", ….
func (m *Machine) Curl(args ...string) Response {
	m.t.Helper()
	response, err := m.TryCurl("", args...)
	if err != nil {
		m.t.Fatalf("curl %s: %v", strings.Join(args, " "), err)
	}
	return response
}

// TryCurl is Curl as the user (empty means root), for a request that may fail. The
// error then carries curl's message: refused, denied, reset, an empty reply.
func (m *Machine) TryCurl(user string, args ...string) (Response, error) {
	m.t.Helper()
	curl := []string{"curl", "--silent", "--show-error", "--include", "--max-time", "50"}
	result := m.Exec(Command{Args: append(curl, args...), User: user})
	if result.Status != 0 {
		return Response{}, errors.New(strings.TrimSpace(result.Stderr))
	}
	return parseResponse(result.Stdout)
}

// parseResponse reads what `curl --include` prints: the heads of interim responses,
// then a head and a body, of which curl has undone the chunks.
func parseResponse(text string) (Response, error) {
	reader := bufio.NewReader(strings.NewReader(text))
	lines := textproto.NewReader(reader)
	for {
		first, err := lines.ReadLine()
		if err != nil {
			return Response{}, fmt.Errorf("not a response: %q", text)
		}
		fields := strings.SplitN(first, " ", 3)
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") {
			return Response{}, fmt.Errorf("not a response: %q", text)
		}
		status, err := strconv.Atoi(fields[1])
		if err != nil {
			return Response{}, fmt.Errorf("not a status line: %q", first)
		}
		header, err := lines.ReadMIMEHeader()
		if err != nil {
			return Response{}, fmt.Errorf("not a header: %q", text)
		}
		if status < 200 && status != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(reader)
		return Response{Status: status, Header: http.Header(header), Body: string(body)}, err
	}
}
