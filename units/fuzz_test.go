package units

import (
	"strings"
	"testing"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// FuzzGenerate: whatever a site file may say, each unit has the directives it would
// have for harmless values, no more and no others, and the values arrive as they
// are.
func FuzzGenerate(f *testing.F) {
	f.Add("/srv/app", "value", "/srv/x.sock", "1G", "/etc/wsgi/blog.env")
	f.Add("/srv/100% \"$HOME\"", "a\nb\t'c' %h \\", "/srv/50% x.sock", "a \\\\", "/etc/*.env")
	f.Add("/srv/app \\", "\\", "/srv/x\\", "a\\", "/e\\")
	plain := keysOf(f, fuzzedSite("/srv/app", "value", "/srv/x.sock", "1", "/etc/e"))
	f.Fuzz(func(t *testing.T, home, env, socket, directive, envFile string) {
		s := fuzzedSite(home, env, socket, directive, envFile)
		if s.Validate() != nil || home == "" || socket == siteSocketPath("/run", s.Name) {
			return // wrong, or not there at all
		}
		if _, err := Generate(s, Options{Wsgid: "/usr/bin/wsgid"}); err != nil {
			return // refused
		}
		keys := keysOf(t, s)
		if odd := strings.ContainsFunc(env, func(c rune) bool { return c < ' ' && c != '\t' && c != '\n' || c == 0x7f }); !odd && keys != plain {
			t.Errorf("the directives are\n%s\nwant\n%s", keys, plain)
		}
		service := unitOf(t, s, "wsgi-blog:main@.service")
		if got := strings.ReplaceAll(service.Values("Service", "WorkingDirectory")[0], "%%", "%"); got != home {
			t.Errorf("home %q is %q", home, got)
		}
		for _, line := range service.Values("Service", "Environment") {
			words, err := unitfile.Words(line)
			if err != nil || len(words) != 1 || strings.ReplaceAll(words[0], "%%", "%") != "V="+env {
				t.Errorf("V=%q is %q, %v", env, words, err)
			}
		}
	})
}

func fuzzedSite(home, env, socket, directive, envFile string) *site.Site {
	s := site.Default("blog")
	s.Path = "/etc/wsgi/blog.toml"
	s.Mounts = []*site.Mount{{Path: "/", Module: "m", Callable: "application", Group: site.DefaultGroup}}
	s.Listen = []site.Listener{{Network: "unix", Address: socket}}
	s.Groups[0].Home, s.Groups[0].EnvFiles = home, []string{envFile}
	s.Groups[0].Env = map[string]string{"V": env}
	s.Groups[0].Systemd = []site.Directive{{Name: "SyslogIdentifier", Value: directive}}
	return s
}

// keysOf lists all sections and directives, file by file.
func keysOf(tb testing.TB, s *site.Site) string {
	tb.Helper()
	files, err := Generate(s, Options{Wsgid: "/usr/bin/wsgid"})
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		b.WriteString(f.Path + f.Link + "\n")
		file, err := unitfile.Parse(f.Content)
		if err != nil {
			tb.Fatalf("%s: %v\n%s", f.Path, err, f.Content)
		}
		for _, section := range file.Sections {
			b.WriteString("[" + section.Name + "]\n")
			for _, l := range section.Lines {
				b.WriteString(l.Key + "\n")
			}
		}
	}
	return b.String()
}

func unitOf(tb testing.TB, s *site.Site, path string) *unitfile.File {
	tb.Helper()
	files, err := Generate(s, Options{Wsgid: "/usr/bin/wsgid"})
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range files {
		if f.Path == path {
			file, err := unitfile.Parse(f.Content)
			if err != nil {
				tb.Fatal(err)
			}
			return file
		}
	}
	tb.Fatalf("no %s", path)
	return nil
}

// FuzzBroken: whatever stands in a broken file, its site gets units that systemd
// can read, and in none of them an application is started.
func FuzzBroken(f *testing.F) {
	f.Add("listen = [\n\"127.0.0.1:80\",\n[group.web]\nuser = 5\n[[mount]]\npath = \"/\"", "[group.web]\nhome = 1\n= 2")
	f.Add("listen = \":80\"\n[group.\"a.b\"]\nnice = \"\"\"\n[group.c]", "group = 5")
	f.Add("mount = 1\ngroup.x.env.A = 1979-05-27\n[group]\n[group.x]\n", "\xff\xfe")
	f.Fuzz(func(t *testing.T, one, two string) {
		files, err := Broken("blog", "/etc/wsgi/blog.toml", [][]byte{[]byte(one), []byte(two)}, Options{Wsgid: "/usr/bin/wsgid"})
		if err != nil {
			t.Fatal(err)
		}
		services := 0
		for _, f := range files {
			file, err := unitfile.Parse(f.Content)
			if err != nil {
				t.Fatalf("%s: %v", f.Path, err)
			}
			commands := file.Values("Service", "ExecStart")
			if len(commands) == 0 {
				continue
			}
			services++
			last := commands[len(commands)-2:]
			if last[0] != "" || last[1] != "/usr/bin/wsgid check %E/wsgi/blog.toml" {
				t.Errorf("%s has the commands %q", f.Path, commands)
			}
		}
		if services == 0 {
			t.Error("no service says what is wrong")
		}
	})
}
