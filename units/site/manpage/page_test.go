package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

func mustPage(t *testing.T, keys []site.Key) string {
	t.Helper()
	text, err := page(keys, "2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	headPattern  = regexp.MustCompile(`^\.(SH|SS) (.*)$`)
	entryPattern = regexp.MustCompile(`^\\fB([^\\]+(?:\\-[^\\]+)*)\\fR(?: = |, | in )`)
	boldPattern  = regexp.MustCompile(`\\fB(.*?)\\fR`)
)

// described reads a page back: its keys by section, "[[mount]]" or "KEYS THAT ARE …".
func described(text string) map[string][]string {
	found := map[string][]string{}
	section, above := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := headPattern.FindStringSubmatch(line); m != nil {
			section, above = strings.ReplaceAll(m[2], `\-`, "-"), false
			continue
		}
		switch m := entryPattern.FindStringSubmatch(line); {
		case m != nil:
			found[section] = append(found[section], strings.ReplaceAll(m[1], `\-`, "-"))
		case strings.HasPrefix(line, "Described above"):
			above = true
		case above && strings.HasPrefix(line, "."):
			above = false
		case above:
			for _, m := range boldPattern.FindAllStringSubmatch(line, -1) {
				found[section] = append(found[section], strings.ReplaceAll(m[1], `\-`, "-"))
			}
		}
	}
	return found
}

// sectionOf is where a key belongs.
func sectionOf(k *site.Key) string {
	switch {
	case k.State == site.Later:
		return "KEYS THAT ARE NOT SUPPORTED YET"
	case k.State == site.Needless:
		return "KEYS THAT ARE NOT NEEDED"
	case k.Table == "top level":
		return "Top level"
	}
	return string(k.Table)
}

// TestPageHasEveryKey: the page read back is the list of keys, table by table, no more
// and no less.
func TestPageHasEveryKey(t *testing.T) {
	found := described(mustPage(t, site.Keys()))
	wanted := map[string][]string{}
	for _, k := range site.Keys() {
		s := sectionOf(&k)
		wanted[s] = append(wanted[s], k.Name)
	}
	for section, names := range wanted {
		got := found[section]
		slices.Sort(names)
		slices.Sort(got)
		if !slices.Equal(got, names) {
			t.Errorf("section %q has\n%q\nwant\n%q", section, got, names)
		}
		delete(found, section)
	}
	for section, names := range found {
		t.Errorf("section %q describes what is no key: %q", section, names)
	}
}

// TestPageSaysEverything: what the parser knows about a key stands below its name.
func TestPageSaysEverything(t *testing.T) {
	keys := []site.Key{
		{
			Name: "some-time", Table: "[new]", Type: site.TypeDuration, Unit: "seconds", Min: 1e9, Max: 60e9, Zero: "never", Default: "5s",
			ModWSGI: "old-time", ModWSGIDefault: "0", ExpressDefault: "30", Meaning: "Time for it; 0 means never.", Notes: "First.\n\nSecond\nline.", State: site.Supported,
		},
		{Name: "switch", Table: "[new]", Type: site.TypeBool, ModWSGI: "Switch", Meaning: "A switch.", State: site.Supported},
		{Name: "word", Table: "[new]", Type: site.TypeEnum, Values: []string{"a", "b-c"}, Default: "a", Meaning: "A word.", State: site.Supported},
		{Name: "word", Table: "[other]", Type: site.TypeEnum, Values: []string{"a", "b-c"}, Default: "a", Meaning: "A word.", State: site.Supported},
	}
	d := &document{keys: keys, printed: map[site.Table]bool{}}
	got, err := d.Rest()
	if err != nil {
		t.Fatal(err)
	}
	const want = `.SS [new]
.TP
\fBsome\-time\fR = \fIduration\fR
Time for it; 0 means never.
.IP
First.
.IP
Second line.
.IP
Default: 5s.
A number without a unit is in seconds.
Range: 1s to 60s, or 0 for never.
In mod_wsgi: \fBold\-time\fR, default 0; mod_wsgi\-express sets 30.
.TP
\fBswitch\fR = \fIboolean\fR
A switch.
.IP
Default: false.
In Apache httpd: \fBSwitch\fR, default not set.
.TP
\fBword\fR = \(dqa\(dq | \(dqb\-c\(dq
A word.
.IP
Default: a.
In mod_wsgi: nothing like it.
Also in: \fB[other]\fR.
.SS [other]
.PP
Described above, and allowed here as well:
\fBword\fR.`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestPageNamesKeys: a key or table that is not there does not get on the page.
func TestPageNamesKeys(t *testing.T) {
	d := &document{keys: site.Keys(), printed: map[site.Table]bool{}}
	if text, err := d.Key("memory-limits"); err == nil {
		t.Errorf("a key that is not there is %q", text)
	}
	if text, err := d.Table("[grup]"); err == nil {
		t.Errorf("a table that is not there is %q", text)
	}
	if _, err := d.Table("[site]"); err != nil {
		t.Error(err)
	}
	if text, err := d.Table("[site]"); err == nil {
		t.Errorf("a table is described twice: %q", text)
	}
	// Without its keys, the text around them cannot be printed.
	if text, err := page(site.Keys()[:3], ""); err == nil {
		t.Errorf("a page of three keys: %d bytes", len(text))
	}
}

func TestExamples(t *testing.T) {
	files, err := fs.Glob(sources, "examples/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples:", err)
	}
	text := mustPage(t, site.Keys())
	for _, file := range files {
		example, err := sources.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".toml")
		if _, err := site.Parse(name, file, example); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.Contains(text, verbatim(string(example))) {
			t.Errorf("%s is not on the page", file)
		}
	}
}

func TestEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"memory-limit": `memory\-limit`,
		".hidden":      `\&.hidden`,
		`a\b`:          `a\eb`,
		`'x' "y"`:      `\(aqx\(aq \(dqy\(dq`,
		"~/`^":         `\(ti/\(ga\(ha`,
	} {
		if got := literal(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got, want := prose(".d and ~/a-b's"), `\&.d and \(ti/a\-b's`; got != want {
		t.Errorf("prose is %q, want %q", got, want)
	}
}

// TestFormatters: groff and mandoc have nothing to say about the page, and what groff
// makes of it holds the names as they are typed.
func TestFormatters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wsgi-site.5")
	if err := os.WriteFile(file, []byte(mustPage(t, site.Keys())), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"groff":  {"-ww", "-man", "-Tutf8", "-P-c", file},
		"mandoc": {"-Tlint", "-Wwarning", file},
	} {
		t.Run(name, func(t *testing.T) {
			program, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("no %s: not proved that it has nothing to say about the page", name)
			}
			var complaints, out bytes.Buffer
			cmd := exec.Command(program, args...)
			cmd.Stdout, cmd.Stderr = &out, &complaints
			if err := cmd.Run(); err != nil || complaints.Len() > 0 {
				t.Errorf("%v\n%s%s", err, complaints.String(), out.String())
			}
			if name != "groff" {
				return
			}
			// Bold is each letter twice, with a backspace between (grotty(1), -c).
			plain := regexp.MustCompile(".\x08").ReplaceAllString(out.String(), "")
			for _, k := range site.Keys() {
				if k.State == site.Supported && !strings.Contains(plain, k.Name) {
					t.Errorf("%s cannot be found on the formatted page", k.Name)
				}
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args   []string
		status int
		has    string
	}{
		{[]string{"-date", "2026-01-02"}, 0, `.TH WSGI\-SITE 5 "2026-01-02"`},
		{nil, 0, `.TH WSGI\-SITE 5 ""`},
		{[]string{"-h"}, 0, ""},
		{[]string{"-x"}, 2, ""},
		{[]string{"file"}, 2, ""},
	} {
		var stdout, stderr bytes.Buffer
		status := run(test.args, &stdout, &stderr)
		if status != test.status || !strings.Contains(stdout.String(), test.has) || status != 0 && stderr.Len() == 0 {
			t.Errorf("%q: status %d, want %d\n%.200s\n%s", test.args, status, test.status, stdout.String(), stderr.String())
		}
	}
}
