package site

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func settingsText(list []Setting) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s %s\n", s.Key, s.Value)
	}
	return b.String()
}

func TestSettings(t *testing.T) {
	s := mustParse(t, `trusted-proxies = ["10.0.0.0/8", "unix"]
listen = [":80", "unix:/run/x.sock"]
limit-request-body = 1500
socket-mode = "600"
idle-timeout = 600
[site.systemd]
TasksMax = [1, 2]
[group.main]
user = "joe"
supplementary-groups = ["a", "b"]
cpu-priority = 5
memory-limit = "512M"
deadlock-timeout = 0
umask = "27"
env = { SECRET = "x" }
[group.main.systemd]
CPUQuota = "50%"
`+minimal)
	if got, want := settingsText(s.Settings()), `listen :80, unix:/run/x.sock
socket-mode 0600
idle-timeout 600s
limit-request-body 1500
trusted-proxies 10.0.0.0/8, unix
systemd TasksMax=1, TasksMax=2
`; got != want {
		t.Errorf("settings are\n%s\nwant\n%s", got, want)
	}
	if got, want := settingsText(s.Groups[0].Settings()), `user joe
supplementary-groups a, b
cpu-priority 5
umask 0027
deadlock-timeout 0s
memory-limit 512M
systemd CPUQuota=50%
`; got != want {
		t.Errorf("settings of the group are\n%s\nwant\n%s", got, want)
	}
	host := mustParse(t, "deny = 'all'\npass-authorization = false\n"+minimal+"allow = 'unix'\ndeny = []\n[[location]]\npath = '/x'\ndeny = []\nlimit-request-body = '1M'\n").Hosts()[0]
	if got := settingsText(host.Mounts[0].Settings(host)); got != "allow unix\ndeny \n" {
		t.Errorf("settings of the mount are\n%s", got)
	}
	if got := settingsText(host.Locations[0].Settings()); got != "deny \nlimit-request-body 1M\n" {
		t.Errorf("settings of the location are\n%s", got)
	}
	plain := mustParse(t, minimal)
	if got := slices.Concat(plain.Settings(), plain.Groups[0].Settings(), plain.Mounts[0].Settings(plain.Hosts()[0])); len(got) > 0 {
		t.Errorf("settings of a site with defaults: %v", got)
	}
}
