package site

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRefusalsNameDirectives: a refusal with a name that is no directive, or
// that another one has too, would never be seen.
func TestRefusalsNameDirectives(t *testing.T) {
	known := directiveNames()
	seen := map[string]bool{}
	for _, r := range slices.Concat(serviceRefusals(), userRefusals(), processRefusals(), limitRefusals()) {
		if r.group == nil && r.site == nil {
			t.Errorf("nothing refuses %s", r.names)
		}
		for _, name := range strings.Fields(r.names) {
			if !slices.Contains(known, name) || seen[name] {
				t.Errorf("%s: known %t, refused before %t", name, slices.Contains(known, name), seen[name])
			}
			seen[name] = true
		}
	}
	for old, now := range replacedDirectives() {
		if slices.Contains(known, old) || !slices.Contains(known, now) {
			t.Errorf("%s is said to be replaced by %s", old, now)
		}
	}
	for _, name := range strings.Fields(unitSection + socketSection + installSection) {
		if slices.Contains(known, name) {
			t.Errorf("%s is listed for [Service] and for another section", name)
		}
	}
}

// TestDirectivesPassedOn names what people set for a service. It would not do to
// refuse these.
func TestDirectivesPassedOn(t *testing.T) {
	site, group := unitOf{site: "blog"}, unitOf{site: "blog", group: "web"}
	for _, name := range strings.Fields(`MemoryMax MemoryHigh CPUWeight CPUQuota IOWeight TasksMax IPAddressDeny AllowedCPUs
		LimitNOFILE LimitNPROC LimitCORE OOMScoreAdjust CPUAffinity ProtectHome ProtectSystem ReadWritePaths InaccessiblePaths
		BindReadOnlyPaths TemporaryFileSystem PrivateTmp PrivateDevices PrivateNetwork NoNewPrivileges CapabilityBoundingSet
		AmbientCapabilities SystemCallFilter RestrictNamespaces MemoryDenyWriteExecute RestrictAddressFamilies
		LoadCredential StateDirectory CacheDirectory LogRateLimitBurst LogExtraFields SELinuxContext AppArmorProfile`) {
		for _, unit := range []unitOf{site, group} {
			if f := unit.refused(name); f != nil {
				t.Errorf("%s for %+v is refused: %v", name, unit, f)
			}
		}
	}
	for _, name := range []string{"Nice", "UMask"} {
		if f := site.refused(name); f != nil {
			t.Errorf("%s for the supervisor, which has no key for it, is refused: %v", name, f)
		}
		if group.refused(name) == nil {
			t.Errorf("%s for a group, which has a key for it, is passed on", name)
		}
	}
}

// TestDirectivesOfSystemd holds the lists to what the systemd of this machine
// reads in a [Service] section.
func TestDirectivesOfSystemd(t *testing.T) {
	out, err := exec.Command("/lib/systemd/systemd", "--dump-configuration-items").Output()
	if err != nil {
		t.Skipf("no systemd to ask (%v): that the list of directives is complete is not proved", err)
	}
	_, service, _ := strings.Cut(string(out), "\n[Service]\n")
	service, _, _ = strings.Cut(service, "\n[")
	count := 0
	for _, line := range strings.Split(service, "\n") {
		name, value, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(value, "NOTSUPPORTED") {
			continue
		}
		count++
		f := unitOf{site: "blog"}.refused(name)
		if f != nil && f.msg == "unknown directive" {
			t.Errorf("%s is not known", name)
		}
	}
	if count < 200 {
		t.Errorf("systemd named %d directives of [Service], want some 240", count)
	}
}

func TestAddressFamilies(t *testing.T) {
	for value, ok := range map[string]bool{
		`"AF_UNIX"`:                      true,
		`"AF_INET AF_UNIX"`:              true,
		`["AF_INET", "AF_UNIX"]`:         true,
		`"~AF_PACKET"`:                   true,
		`""`:                             true,
		`["AF_INET", ""]`:                true,
		`["none", "AF_UNIX"]`:            true,
		`["~AF_UNIX AF_INET","AF_UNIX"]`: true,
		`"AF_INET"`:                      false,
		`"AF_UNIXX"`:                     false,
		`"none"`:                         false,
		`"~AF_UNIX"`:                     false,
		`["AF_UNIX", "~AF_UNIX"]`:        false,
		`["", "AF_INET"]`:                false,
		`["AF_UNIX", "none"]`:            false,
		`["AF_UNIX", "", "AF_INET"]`:     false,
		`["~AF_INET", "~AF_UNIX"]`:       false,
		`true`:                           false,
	} {
		_, err := Parse("blog", "blog.toml", []byte("[site.systemd]\nRestrictAddressFamilies = "+value+"\n"+minimal))
		if (err == nil) != ok {
			t.Errorf("%s: error %v, accepted is to be %t", value, err, ok)
		}
	}
}
