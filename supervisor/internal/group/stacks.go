package group

import (
	"strconv"
	"strings"
)

// stackOf picks a thread's stack out of what Python's faulthandler wrote. The
// ident is decimal, as threading.get_ident gives it; faulthandler writes it in
// hexadecimal. Without that thread the whole text is returned.
func stackOf(text, ident string) string {
	id, err := strconv.ParseUint(ident, 10, 64)
	if err != nil {
		return strings.TrimSpace(text)
	}
	want := "0x" + leftPad(strconv.FormatUint(id, 16), 16)
	var found []string
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Thread 0x") || strings.HasPrefix(line, "Current thread 0x") {
			inside = strings.Contains(line, want)
		}
		if inside && strings.TrimSpace(line) != "" {
			found = append(found, strings.TrimRight(line, "\n"))
		}
	}
	if len(found) == 0 {
		return strings.TrimSpace(text)
	}
	return strings.Join(found, "\n")
}

func leftPad(s string, width int) string {
	if len(s) >= width {
		return s
	}
	return strings.Repeat("0", width-len(s)) + s
}
