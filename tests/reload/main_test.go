package main

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"-reloads", "3", "-only", "Apache.*graceful"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.reloads != 3 || o.interval != 5*time.Second || o.imports != time.Second || o.seed == 0 || o.wsgid != buildWsgid {
		t.Errorf("options %+v", o)
	}
	var chosen []string
	for _, trial := range trials() {
		if o.wants(trial.title()) {
			chosen = append(chosen, trial.title())
		}
	}
	want := []string{"Apache, mod_wsgi: graceful", "Apache, mod_wsgi, WSGISocketRotation Off: graceful"}
	if !slices.Equal(chosen, want) {
		t.Errorf("chosen %q, want %q", chosen, want)
	}
	if missing := slices.Sorted(maps.Values(neededFiles(o))); !slices.Equal(missing, []string{"apache2", "libapache2-mod-wsgi-py3", "python3"}) {
		t.Errorf("packages %q", missing)
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"-reloads 0", "at least 1"},
		{"-interval 0s", "times are positive"},
		{"-import -1s", "times are positive"},
		{"-only [", "cannot select what is run"},
		{"-only puma", "wsgid: systemctl reload"},
		{"hello", `argument "hello"`},
	} {
		_, err := parseOptions(strings.Fields(tc.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", tc.args, err, tc.want)
		}
	}
}

// TestTrials: a title selects one trial, and every trial can be run.
func TestTrials(t *testing.T) {
	known := map[string]bool{}
	for _, trial := range append(trials(), direct()) {
		if known[trial.title()] {
			t.Errorf("two trials are %q", trial.title())
		}
		known[trial.title()] = true
		if host := trial.reload != nil && trial.kind.Name != ""; host == (trial.machine != nil) {
			t.Errorf("%s: either a machine or a server of this host", trial.title())
		}
		if uwsgi := strings.Contains(strings.ToLower(trial.server), "uwsgi"); uwsgi == trial.chunked {
			t.Errorf("%s: uploads without a length %v", trial.title(), trial.chunked)
		}
		if trial.kind.Name == peers.Uwsgi().Name && trial.how == "chain reload" && !strings.Contains(trial.more, "lazy-apps") {
			t.Errorf("%s does nothing without lazy-apps", trial.title())
		}
	}
}
