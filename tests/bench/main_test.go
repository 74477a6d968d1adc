package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"-quick", "-rounds", "2", "-wsgid", "", "-only", "^hello:1$"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.rounds != 2 || o.time != time.Second || o.starts != 3 {
		t.Errorf("-quick -rounds 2: %d rounds of %v, %d starts", o.rounds, o.time, o.starts)
	}
	if want := []string{nameUwsgi, nameApache}; !slices.Equal(o.servers, want) {
		t.Errorf("servers %v without wsgid, want %v", o.servers, want)
	}
	if !o.wants("hello:1") || o.wants("hello:16") {
		t.Error("-only ^hello:1$ selects the wrong rows")
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"-rounds 0", "at least 1"},
		{"-starts -1", "-1 times"},
		{"-time 1500ms", "whole seconds"},
		{"-time 0s", "whole seconds"},
		{"-only [", "cannot select rows"},
		{"-servers nginx", `cannot select server "nginx"`},
		{"-servers wsgid -wsgid=", "no server is left"},
		{"hello", `argument "hello"`},
	} {
		_, err := parseOptions(strings.Fields(tc.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", tc.args, err, tc.want)
		}
	}
}

func TestNothingNeededForMachines(t *testing.T) {
	o, err := parseOptions([]string{"-only", "scale"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if files := neededFiles(o); len(files) > 0 {
		t.Errorf("rows on a machine need %v of the host", files)
	}
}

func TestNeededFiles(t *testing.T) {
	o, err := parseOptions([]string{"-servers", nameApache, "-only", "flask"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for _, pkg := range neededFiles(o) {
		packages = append(packages, pkg)
	}
	slices.Sort(packages)
	want := []string{"apache2", "libapache2-mod-wsgi-py3", "python3", "python3-flask", "wrk"}
	if !slices.Equal(packages, want) {
		t.Errorf("packages %v, want %v", packages, want)
	}
}
