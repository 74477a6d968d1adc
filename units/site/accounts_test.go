package site

import (
	"path/filepath"
	"testing"
)

func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	fakePython(t, filepath.Join(dir, "getent"), `
case "$1 $2" in
"passwd ldap-joe" | "passwd 70001") echo 'ldap-joe:*:70001:70002:Joe:/home/joe:/bin/sh' ;;
"group ldap-staff") echo 'ldap-staff:*:70002:joe' ;;
"passwd odd") echo 'odd:*:x:1::' ;;
"passwd short") echo 'short' ;;
"passwd down") exit 3 ;;
*) exit 2 ;;
esac`)
	t.Setenv("PATH", dir)
	tests := map[string]struct {
		lookup func(string) (int, error)
		name   string
		want   int
		err    string
	}{
		"file":          {UserID, "root", 0, ""},
		"group file":    {GroupID, "root", 0, ""},
		"getent":        {UserID, "ldap-joe", 70001, ""},
		"getent group":  {GroupID, "ldap-staff", 70002, ""},
		"a number":      {UserID, "#0", 0, ""},
		"a far number":  {UserID, "#70001", 70001, ""},
		"nobody's":      {UserID, "#70009", 0, `there is no user "70009" on this machine`},
		"a group's":     {GroupID, "#70009", 70009, ""}, // needs no name
		"unknown":       {UserID, "nobody-here", 0, `there is no user "nobody-here" on this machine`},
		"unknown group": {GroupID, "nobody-here", 0, `there is no group "nobody-here" on this machine`},
		"no number":     {UserID, "odd", 0, `cannot look up user "odd": its number is "x"`},
		"short":         {UserID, "short", 0, `cannot look up user "short": getent says "short\n"`},
		"server down":   {UserID, "down", 0, `cannot look up user "down": exit status 3`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := test.lookup(test.name)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != test.want || text != test.err {
				t.Errorf("number %d, error %q, want %d and %q", got, text, test.want, test.err)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := UserID("ldap-joe"); err == nil || err.Error() != `there is no user "ldap-joe" on this machine` {
		t.Errorf("without getent: %v", err)
	}
}

func TestCheckFilesAccounts(t *testing.T) {
	dir := t.TempDir()
	s := inDir(t, dir, `socket-user = "no-owner"
socket-group = "no-group"
[group.main]
user = "no-user"
group = "root-not"
supplementary-groups = ["no-a", "no-b"]
chroot = "@/jail"
home = "/inside"
python = "/inside/python"
[[mount]]
path = "/"
script = "/inside/app.py"
`)
	want := `/etc/wsgi/blog.toml:1: socket-user: there is no user "no-owner" on this machine
/etc/wsgi/blog.toml:2: socket-group: there is no group "no-group" on this machine
/etc/wsgi/blog.toml:4: group.main.user: there is no user "no-user" on this machine
/etc/wsgi/blog.toml:5: group.main.group: there is no group "root-not" on this machine
/etc/wsgi/blog.toml:6: group.main.supplementary-groups: there is no group "no-a" on this machine
/etc/wsgi/blog.toml:6: group.main.supplementary-groups: there is no group "no-b" on this machine
/etc/wsgi/blog.toml:7: group.main.chroot: "` + dir + `/jail": no such file or directory`
	if err := s.CheckFiles(); err == nil || err.Error() != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
	if found, err := s.Interpreters(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("interpreters inside a chroot: %v, %v", found, err)
	}
}

// The front end's user must not run an application, by whatever name.
func TestFrontEndUserByNumber(t *testing.T) {
	dir := t.TempDir()
	fakePython(t, filepath.Join(dir, "getent"), `
case "$1 $2" in
"passwd wsgi" | "passwd 70005") echo 'wsgi:*:70005:70005::/:/bin/sh' ;;
"passwd 70006") echo 'other:*:70006:70006::/:/bin/sh' ;;
*) exit 2 ;;
esac`)
	t.Setenv("PATH", dir)
	for user, refused := range map[string]bool{"#70005": true, "#70006": false} {
		c := &fileCheck{site: Default("blog")}
		c.account(userAccounts, user, "group.main.user")
		if got := len(c.errs) > 0; got != refused {
			t.Errorf("%s: %v", user, c.errs)
		}
	}
}
