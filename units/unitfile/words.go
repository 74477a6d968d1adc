package unitfile

import (
	"fmt"
	"strconv"
	"strings"
)

// Words splits a value into its words as systemd does, quotes removed and escapes
// resolved. Specifiers and variables stay as they are.
func Words(value string) ([]string, error) {
	var words []string
	for rest := strings.TrimLeft(value, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		word, after, err := firstWord(rest)
		if err != nil {
			return nil, fmt.Errorf("cannot split %q: %w", value, err)
		}
		words, rest = append(words, word), after
	}
	return words, nil
}

// firstWord reads one word. A quote may open in the middle of it.
func firstWord(s string) (word, rest string, err error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			text, n, err := escape(s[i+1:])
			if err != nil {
				return "", "", err
			}
			b.WriteString(text)
			i += n
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("a quote is not closed")
	}
	return b.String(), "", nil
}

// escape resolves what follows a backslash, and gives the number of bytes it took.
func escape(s string) (text string, n int, err error) {
	if s == "" {
		return "", 0, fmt.Errorf("nothing follows the backslash")
	}
	const letters, meanings = `abfnrtvs\"'`, "\a\b\f\n\r\t\v \\\"'"
	if i := strings.IndexByte(letters, s[0]); i >= 0 {
		return meanings[i : i+1], 1, nil
	}
	digits, ok := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if !ok || len(s) <= digits {
		return "", 0, fmt.Errorf("%q is not an escape", `\`+s)
	}
	code, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || code == 0 {
		return "", 0, fmt.Errorf("%q is not an escape", `\`+s[:1+digits])
	}
	if s[0] == 'x' {
		return string([]byte{byte(code)}), 1 + digits, nil
	}
	return string(rune(code)), 1 + digits, nil
}
