package unitfile

import (
	"reflect"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	f := &File{
		Head: []string{"from /etc/wsgi/blog.toml", ""},
		Sections: []Section{
			{"Unit", []Line{{"SourcePath", "/etc/wsgi/blog.toml"}}},
			{"Service", []Line{{"ExecStart", ""}, {"ExecStart", `/bin/echo "a\\b"`}, {"X-Note", "=1"}}},
		},
	}
	const want = `# from /etc/wsgi/blog.toml
#

[Unit]
SourcePath=/etc/wsgi/blog.toml

[Service]
ExecStart=
ExecStart=/bin/echo "a\\b"
X-Note==1
`
	text, err := f.Print()
	if err != nil || string(text) != want {
		t.Fatalf("Print gives %v and\n%s\nwant\n%s", err, text, want)
	}
	again, err := Parse(text)
	if err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("Parse gives %v, %#v, want %#v", err, again, f)
	}
	if got := again.Values("Service", "ExecStart"); !reflect.DeepEqual(got, []string{"", `/bin/echo "a\\b"`}) {
		t.Errorf("Values are %q", got)
	}
}

// TestPrintRefuses has what a line cannot hold.
func TestPrintRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file File
	}{
		{"newline", File{Sections: []Section{{"Unit", []Line{{"Description", "a\nExecStart=/bin/sh"}}}}}},
		{"carriage return", File{Sections: []Section{{"Unit", []Line{{"Description", "a\rb"}}}}}},
		{"nul", File{Sections: []Section{{"Unit", []Line{{"Description", "a\x00b"}}}}}},
		{"leading blank", File{Sections: []Section{{"Unit", []Line{{"Description", " a"}}}}}},
		{"trailing blank", File{Sections: []Section{{"Unit", []Line{{"Description", "a\t"}}}}}},
		{"line that goes on", File{Sections: []Section{{"Unit", []Line{{"Description", `a\`}}}}}},
		{"not UTF-8", File{Sections: []Section{{"Unit", []Line{{"Description", "\xff"}}}}}},
		{"too long", File{Sections: []Section{{"Unit", []Line{{"Description", strings.Repeat("a", maxLine)}}}}}},
		{"key with blank", File{Sections: []Section{{"Unit", []Line{{"Des cription", "a"}}}}}},
		{"empty key", File{Sections: []Section{{"Unit", []Line{{"", "a"}}}}}},
		{"key like a comment", File{Sections: []Section{{"Unit", []Line{{"#a", "a"}}}}}},
		{"section with bracket", File{Sections: []Section{{"Unit]", nil}}}},
		{"empty section", File{Sections: []Section{{"", nil}}}},
		{"comment of two lines", File{Head: []string{"a\nb"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if text, err := c.file.Print(); err == nil {
				t.Errorf("Print gives %q, want an error", text)
			}
		})
	}
}

func TestParse(t *testing.T) {
	const text = `#! head
  ; second

[Service]
  # inside
 Key = value \
   # in the middle
   ; too
   goes on \
   twice
Empty=
Pair=a\\

[Service]
Key=again`
	want := &File{
		Head: []string{"! head", "second"},
		Sections: []Section{
			{"Service", []Line{{"Key", "value  goes on  twice"}, {"Empty", ""}, {"Pair", `a\\`}}},
			{"Service", []Line{{"Key", "again"}}},
		},
	}
	if f, err := Parse([]byte(text)); err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("Parse gives %v, %#v, want %#v", err, f, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"Key=value", "[Unit", "[]", "[Unit]\nKey", "[Unit]\n=value", "[Unit]\nKey=a\\",
		"[Unit]\nKey=\x01", "[Unit]\r\n", "[Unit]\nKey=\xff", "[Unit]\nK y=a",
	} {
		f, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("Parse(%q) gives %#v, want an error", text, f)
		}
	}
}

// FuzzPrint holds Print and Parse to each other both ways.
func FuzzPrint(f *testing.F) {
	f.Add("head", "Unit", "Description", "text", "ExecStart", `a "b\\" %% $$`)
	f.Add("", "Service", "Environment", `"A=\x01\n"`, "ExecStart", "")
	f.Add("#", "X-Own", "A", "=", "B", `a\\\\`)
	f.Add("a\n[Unit]", "Unit", "A", "a\\", "B", " b")
	f.Fuzz(func(t *testing.T, head, section, key1, value1, key2, value2 string) {
		x := &File{Head: []string{head}, Sections: []Section{
			{section, []Line{{key1, value1}, {key2, value2}}},
			{section, []Line{{key2, value1}}},
		}}
		text, err := x.Print()
		if err != nil {
			return
		}
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(again, x) {
			t.Errorf("%q reads back as %#v, %v, want %#v", text, again, err, x)
		}
	})
}

// FuzzParse: whatever is read prints to a text that reads back the same.
func FuzzParse(f *testing.F) {
	f.Add("# head\n[Unit]\nDescription=a \\\n b\n\n[Service]\nExecStart=\nExecStart=/bin/true\n")
	f.Add(";\n[A]\nb=c\\\\\n[A]\n")
	f.Add("[A]\nb=\\\\\\\n# x\n  c")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse([]byte(text))
		if err != nil {
			return
		}
		printed, err := x.Print()
		if err != nil {
			t.Fatalf("cannot print what Parse read from %q: %v", text, err)
		}
		again, err := Parse(printed)
		if err != nil || !reflect.DeepEqual(again, x) {
			t.Errorf("%q reads as %#v, and printed and read again as %#v, %v", text, x, again, err)
		}
	})
}
