package site

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accessSite has keys of access at the top level and below it.
const accessSite = `
access-script = "/srv/hosts.wsgi"
auth-name = "Members \"only\""
auth-user-script = "/srv/users.wsgi"
auth-group-script = "/srv/groups.wsgi"

[group.web]
[group.api]

[[mount]]
path = "/"
script = "/srv/app.py"
group = "web"

[[mount]]
path = "/api"
script = "/srv/api.py"
group = "api"
access-script = ""
script-reloading = true

[[location]]
path = "/members"
auth-type = "basic"

[[location]]
path = "/members/staff"
require = ["user anna", "user \"carl friedrich\" bert", "group staff  admins"]

[[location]]
path = "/members/staff/some"
require = []

[[location]]
path = "/members/public"
access-script = ""
require = "all granted"

[[location]]
path = "/api/digest"
auth-type = "digest"
require = ["valid-user", "group staff"]
group-authoritative = true

[[location]]
path = "/api/closed"
auth-type = "digest"
require = "all denied"

[[location]]
path = "/api/back"
auth-type = "none"
access-script = "/srv/hosts.wsgi"

[[vhost]]
server-name = "members.example"
auth-type = "basic"
access-script = ""

[[vhost.mount]]
path = "/v"
script = "/srv/app.py"
group = "web"

[[vhost.location]]
path = "/v/open"
require = "all granted"
`

func TestAccessRule(t *testing.T) {
	want := map[string]string{
		"/":                   "access\t/srv/hosts.wsgi\nopen",
		"/api":                "",
		"/members":            "access\t/srv/hosts.wsgi\nname\tMembers \"only\"\nbasic\t/srv/users.wsgi\nany-user",
		"/members/staff":      "access\t/srv/hosts.wsgi\nname\tMembers \"only\"\nbasic\t/srv/users.wsgi\ngroups\t/srv/groups.wsgi\nuser\tanna\nuser\tcarl friedrich\tbert\ngroup\tstaff\tadmins",
		"/members/staff/some": "access\t/srv/hosts.wsgi\nname\tMembers \"only\"\nbasic\t/srv/users.wsgi\nany-user",
		"/members/public":     "",
		"/api/digest":         "name\tMembers \"only\"\ndigest\t/srv/users.wsgi\ngroups\t/srv/groups.wsgi\nany-user\ngroup\tstaff\nauthoritative",
		"/api/closed":         "closed",
		"/api/back":           "access\t/srv/hosts.wsgi\nopen",
		"/v":                  "name\tMembers \"only\"\nbasic\t/srv/users.wsgi\nany-user",
		"/v/open":             "",
	}
	s := mustParse(t, accessSite)
	for _, p := range s.Places() {
		rule, known := want[p.Path]
		if got := p.Policy.Access.Rule(); !known || got != rule {
			t.Errorf("%s: rule\n%q, want\n%q", p.Path, got, rule)
		}
		if digest := strings.Contains(rule, "digest\t"); p.Policy.Access.Digest() != digest {
			t.Errorf("%s: Digest is %t", p.Path, !digest)
		}
		delete(want, p.Path)
	}
	if len(want) > 0 {
		t.Errorf("no places: %q", want)
	}
	sameSite(t, mustParse(t, string(s.Encode())), s)
}

func TestAccessFunctions(t *testing.T) {
	s := mustParse(t, accessSite)
	for group, want := range map[string][]AccessFunction{
		"web": {{"allow_access", "/srv/hosts.wsgi"}, {"check_password", "/srv/users.wsgi"}, {"groups_for_user", "/srv/groups.wsgi"}},
		"api": {{"get_realm_hash", "/srv/users.wsgi"}, {"groups_for_user", "/srv/groups.wsgi"}, {"allow_access", "/srv/hosts.wsgi"}},
		"no":  nil,
	} {
		if got := s.AccessFunctions(group); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", group, got, want)
		}
		if text := s.AccessFiles(group); (text == "") != (want == nil) || strings.Count(text, "\n") != max(0, len(want)-1) {
			t.Errorf("%s: as a text %q", group, text)
		}
	}
}

func TestRequirement(t *testing.T) {
	for text, want := range map[string][]string{
		"valid-user":        {"valid-user"},
		"all denied":        {"all denied"},
		"user anna":         {"user", "anna"},
		"  user  a   b ":    {"user", "a", "b"},
		`group "a b" "c" d`: {"group", "a b", "c", "d"},
		`user "" "`:         nil,
		`user "a"b`:         nil,
		"user":              nil,
		"all":               nil,
		"all granted ":      nil,
		"valid-user anna":   nil,
		"ip 10.0.0.0/8":     nil,
		"":                  nil,
	} {
		r, f := readRequirement(text)
		if got := append([]string{r.kind}, r.names...); (f == nil) != (want != nil) || f == nil && !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", text, got, f, want)
		}
	}
}

// TestCheckAccessFiles: a script that is not there is reported at the key that names
// it, once; what is not called, or lies in a chroot, is not looked for.
func TestCheckAccessFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := inDir(t, dir, `auth-name = "r"
auth-user-script = "@/users.wsgi"
auth-group-script = "@/app.py"
[group.web]
[group.jail]
chroot = "@"
[[mount]]
path = "/"
script = "@/app.py"
group = "web"
[[mount]]
path = "/jail"
script = "@/app.py"
group = "jail"
access-script = "/hosts.wsgi"
[[location]]
path = "/a"
auth-type = "basic"
require = "group staff"
[[location]]
path = "/b"
auth-type = "digest"
access-script = "@"
[[location]]
path = "/b/open"
auth-user-script = "@/nowhere.wsgi"
require = "all granted"
`)
	want := strings.NewReplacer("@", dir, "F:", "/etc/wsgi/blog.toml:").Replace(`F:2: auth-user-script: "@/users.wsgi": no such file or directory
F:23: location.access-script: "@" is not a file`)
	if err := s.CheckFiles(); err == nil || err.Error() != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
}
