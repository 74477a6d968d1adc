package unitfile

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWord(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"plain", "plain"},
		{"/srv/a-b_c.d", "/srv/a-b_c.d"},
		{"", `""`},
		{";", `";"`},
		{"a;", "a;"},
		{"two words", `"two words"`},
		{`say "hi"`, `"say \"hi\""`},
		{`it's`, `"it's"`},
		{`C:\`, `"C:\\"`},
		{"a\nb\tc\x1b", `"a\nb\tc\x1b"`},
		{"caf\u00e9", "caf\u00e9"},
		{"100%", "100%"},
	} {
		got, err := Word(c.text)
		if err != nil || got != c.want {
			t.Errorf("Word(%q) = %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"a\x00", "\xff"} {
		if got, err := Word(text); err == nil {
			t.Errorf("Word(%q) = %s, want an error", text, got)
		}
	}
}

func TestArgumentAndAssignment(t *testing.T) {
	for _, c := range []struct{ text, argument, assignment string }{
		{"a", "a", "V=a"},
		{"$HOME %h", `"$$HOME %%h"`, `"V=$HOME %%h"`},
		{"%", "%%", "V=%%"},
		{"", `""`, "V="},
	} {
		if got, err := Argument(c.text); err != nil || got != c.argument {
			t.Errorf("Argument(%q) = %s, %v, want %s", c.text, got, err, c.argument)
		}
		if got, err := Assignment("V", c.text); err != nil || got != c.assignment {
			t.Errorf("Assignment(%q) = %s, %v, want %s", c.text, got, err, c.assignment)
		}
	}
}

func TestEscapeName(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"blog", "blog"},
		{"my-blog", `my\x2dblog`},
		{"v1.2_b", "v1.2_b"},
		{".hidden", `\x2ehidden`},
		{"a/b", `a\x2fb`},
		{`a\b`, `a\x5cb`},
		{"caf\u00e9", `caf\xc3\xa9`},
	} {
		if got := EscapeName(c.text); got != c.want {
			t.Errorf("EscapeName(%q) = %s, want %s", c.text, got, c.want)
		}
	}
}

// TestEscapeNameAsSystemd asks systemd's own tool.
func TestEscapeNameAsSystemd(t *testing.T) {
	tool, err := exec.LookPath("systemd-escape")
	if err != nil {
		t.Skip("no systemd-escape: not proved that names of slices are escaped as systemd does")
	}
	for _, text := range []string{"blog", "my-blog", "-a--b", "v1.2_b:c", ".hidden", `a\b@c`} {
		out, err := exec.Command(tool, "--", text).Output()
		if got := EscapeName(text); err != nil || got != strings.TrimSpace(string(out)) {
			t.Errorf("EscapeName(%q) = %s, systemd-escape says %s, %v", text, got, out, err)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" a  b\t", []string{"a", "b"}},
		{`"a b"'c d'`, []string{"a bc d"}},
		{`A="x y" ""`, []string{"A=x y", ""}},
		{`\x41\u00e9\U0001F600\s\n`, []string{"A\u00e9\U0001F600 \n"}},
		{`"it's"`, []string{"it's"}},
	} {
		got, err := Words(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Words(%q) = %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{`"a`, `'a`, `a\`, `\q`, `\x4`, `\x00`, `\xzz`} {
		if got, err := Words(text); err == nil {
			t.Errorf("Words(%q) = %q, want an error", text, got)
		}
	}
}

// FuzzWord: a quoted text is one word, goes through a line of a unit file, and is
// the same text again.
func FuzzWord(f *testing.F) {
	f.Add("plain", `"quoted" \x41 'x'`)
	f.Add("%h $HOME ;", "\n\t\x7f\\")
	f.Fuzz(func(t *testing.T, one, two string) {
		first, err1 := Argument(one)
		second, err2 := Assignment("V", two)
		if err1 != nil || err2 != nil {
			if text := one + two; utf8.ValidString(one) && utf8.ValidString(two) && !strings.Contains(text, "\x00") {
				t.Fatalf("cannot quote %q and %q: %v, %v", one, two, err1, err2)
			}
			return
		}
		file := &File{Sections: []Section{{"Service", []Line{{"A", first + " " + second}}}}}
		text, err := file.Print()
		if err != nil {
			t.Fatalf("cannot print %s %s: %v", first, second, err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("cannot parse %s: %v", text, err)
		}
		words, err := Words(again.Values("Service", "A")[0])
		if err != nil || len(words) != 2 {
			t.Fatalf("%s has the words %q, %v", text, words, err)
		}
		plain := strings.ReplaceAll(strings.ReplaceAll(words[0], "$$", "$"), "%%", "%")
		if plain != one || strings.ReplaceAll(words[1], "%%", "%") != "V="+two {
			t.Errorf("%q and %q come back as %q and %q", one, two, plain, words[1])
		}
	})
}
