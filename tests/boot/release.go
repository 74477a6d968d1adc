package boot

import (
	"fmt"
	"os"
	"strings"
)

// Release is a Debian release that machines are made of.
type Release struct {
	Name    string // the code name
	Systemd int    // the version of its systemd
	Python  string // the version of its /usr/bin/python3

	// mergeUsr: /bin, /sbin and /lib are to be made links into /usr beforehand.
	// Debian's installer does so since 10, mmdebstrap only where a package asks for
	// it, from 12 on.
	mergeUsr bool
}

// known are the releases in the order of their age: the oldest systemd that is
// supported, the one that most machines have, and the newest.
func known() []Release {
	return []Release{
		{Name: "bullseye", Systemd: 247, Python: "3.9", mergeUsr: true},
		{Name: "bookworm", Systemd: 252, Python: "3.11"},
		{Name: "trixie", Systemd: 257, Python: "3.13"},
	}
}

// releases reads the names in value, separated by blanks or commas.
func releases(value string) ([]Release, error) {
	var chosen []Release
	for name := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == ',' }) {
		release, err := releaseNamed(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, release)
	}
	return chosen, nil
}

func releaseNamed(name string) (Release, error) {
	var names []string
	for _, release := range known() {
		if release.Name == name {
			return release, nil
		}
		names = append(names, release.Name)
	}
	return Release{}, fmt.Errorf("unknown release %q\nhint: %s takes %s", name, releasesVariable, strings.Join(names, ", "))
}

// chosenReleases are those of the environment, or bookworm when it names none. A
// variable that is there and empty chooses none.
func chosenReleases() ([]Release, error) {
	value, set := os.LookupEnv(releasesVariable)
	if !set {
		value = "bookworm"
	}
	return releases(value)
}
