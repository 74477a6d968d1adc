package site

import (
	"errors"
	"slices"
	"testing"
)

// fakeRunner is joe (1000) with the groups joe (1000) and video (44), on a
// machine that has jane (1001) too.
func fakeRunner() runner {
	return runner{uid: 1000, gid: 1000, groups: []int{44}, number: func(_ accounts, name string) (int, error) {
		n, ok := map[string]int{"joe": 1000, "jane": 1001, "video": 44}[name]
		if !ok {
			return 0, errors.New("unknown")
		}
		return n, nil
	}}
}

func TestCheckDirect(t *testing.T) {
	const systemd = "systemctl enable --now wsgi@blog lets systemd serve the site"
	tests := map[string]struct{ keys, want string }{
		"nothing":      {"", ""},
		"as we are":    {"user = \"joe\"\ngroup = \"joe\"\nsupplementary-groups = [\"video\", \"joe\"]", ""},
		"unknown":      {"user = \"nobody-here\"", ""},
		"user":         {"user = \"jane\"", "user: wsgid run cannot change to user \"jane\"\nhint: run wsgid as jane, or " + systemd},
		"group":        {"group = \"video\"", "group: wsgid run cannot change to group \"video\"\nhint: run wsgid with the group video, or " + systemd},
		"groups":       {"supplementary-groups = [\"video\", \"jane\"]", "supplementary-groups: wsgid run cannot join group \"jane\"\nhint: run wsgid as a member of jane, or " + systemd},
		"chroot":       {"chroot = \"/srv\"", "chroot: wsgid run cannot change the root directory\nhint: " + systemd},
		"cpu-priority": {"cpu-priority = 5", "cpu-priority: wsgid run cannot set a nice level\nhint: leave it out and start with nice -n 5 wsgid run, or " + systemd},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := mustParse(t, "[group.web]\n"+test.keys+"\n"+minimal).checkDirect(fakeRunner())
			got := ""
			if err != nil {
				got = err.Error()
			}
			want := test.want
			if want != "" {
				want = "/etc/wsgi/blog.toml:2: group.web." + want
			}
			if got != want {
				t.Errorf("error is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestCheckDirectAsks: the real process is asked, not another one.
func TestCheckDirectAsks(t *testing.T) {
	s := mustParse(t, "[group.main]\nuser = \"nobody\"\n"+minimal)
	uid, err := UserID("nobody")
	if err != nil {
		t.Skipf("%v: that another user is refused on a real machine is not proved", err)
	}
	r := fakeRunner()
	r.uid, r.number = uid, accounts.number
	if err := s.checkDirect(r); err != nil {
		t.Errorf("as nobody: %v", err)
	}
	r.uid++
	if err := s.checkDirect(r); err == nil {
		t.Error("as another user than nobody: no error")
	}
}

func TestSystemdOnly(t *testing.T) {
	s := mustParse(t, "idle-timeout = 60\n[site.systemd]\nTasksMax = 1\n[group.\"a.b\".systemd]\nTasksMax = 1\n"+minimal)
	if got, want := s.SystemdOnly(), []string{"idle-timeout", "[site.systemd]", "[group.\"a.b\".systemd]"}; !slices.Equal(got, want) {
		t.Errorf("keys are %q, want %q", got, want)
	}
	if got := mustParse(t, "[group.main]\ndeadlock-timeout = 5\n"+minimal).SystemdOnly(); got != nil {
		t.Errorf("keys are %q, want none", got)
	}
}
