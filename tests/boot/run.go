package boot

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Case is one thing that is proved on a booted machine.
type Case struct {
	Name string

	// Own: the case gets a machine of its own, because it breaks the machine, reboots
	// it or needs one that nobody has used. The others of one call of Run share one,
	// one after the other, and leave it as they found it.
	Own bool

	Run func(t *testing.T, m *Machine)
}

// Run runs every case on every release that WSGID_BOOT_RELEASES names, each as the
// subtest RELEASE/CASE. Where no machine can be booted the test is skipped; proves
// completes "not proved that".
func Run(t *testing.T, proves string, cases ...Case) {
	t.Helper()
	chosen := Need(t, proves)
	for _, release := range chosen {
		t.Run(release.Name, func(t *testing.T) { runOn(t, release, proves, cases) })
	}
}

func runOn(t *testing.T, release Release, proves string, cases []Case) {
	dir := needTree(t, release, proves)
	var shared *Machine
	for _, c := range cases {
		// A case that brought the machine down has failed for it; the next one need not.
		if !c.Own && (shared == nil || !shared.running()) {
			shared = start(t, release, dir, proves)
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Own {
				c.Run(t, start(t, release, dir, proves).In(t))
			} else {
				c.Run(t, shared.In(t))
			}
		})
	}
}

// Boot boots a machine of the release with wsgid installed, for tests that need
// several at once. It is gone when the test ends. Where none can be booted the test
// is skipped; proves completes "not proved that".
func Boot(t T, release Release, proves string) *Machine {
	t.Helper()
	Need(t, proves)
	return start(t, release, needTree(t, release, proves), proves).In(t)
}

// Need gives the releases that are chosen. It skips the test where none is, or when
// this host cannot boot a machine.
func Need(t T, proves string) []Release {
	t.Helper()
	if testing.Testing() && testing.Short() {
		skip(t, "-short", proves)
	}
	chosen, err := chosenReleases()
	if err != nil {
		t.Fatal(err)
	}
	if len(chosen) == 0 {
		skip(t, releasesVariable+" is empty", proves)
	}
	if problem := hostProblem(); problem != "" {
		skip(t, problem, proves)
	}
	return chosen
}

// Tree is the directory of the host that machines of the release are layered over.
func Tree(t T, release Release) string {
	t.Helper()
	return needTree(t, release, "what a machine leaves in its tree")
}

func needTree(t T, release Release, proves string) string {
	t.Helper()
	dir, err := tree(context.Background(), release, t.Logf)
	orSkip(t, err, proves)
	return dir
}

// start boots a machine for the time of the test and installs wsgid in it.
func start(t T, release Release, tree, proves string) *Machine {
	t.Helper()
	m, err := newMachine(release, tree)
	orSkip(t, err, proves)
	m.t = t
	t.Cleanup(m.stop)
	started, begun := false, time.Now()
	t.Cleanup(func() {
		if !started {
			m.show(begun)
		}
	})
	m.boot()
	m.Install()
	started = true
	return m
}

// unavailable is an error that is the host's, not the tests': they are skipped.
type unavailable struct{ reason string }

func (u *unavailable) Error() string { return u.reason }

// orSkip ends the test when err is not nil: skipped where the host is to blame.
func orSkip(t T, err error, proves string) {
	t.Helper()
	var lacking *unavailable
	if errors.As(err, &lacking) {
		skip(t, lacking.reason, proves)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func skip(t T, problem, proves string) {
	t.Helper()
	t.Skipf("no systemd booted: %s: not proved that %s", problem, proves)
}
