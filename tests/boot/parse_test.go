package boot

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestReleases(t *testing.T) {
	for _, c := range []struct{ value, want, err string }{
		{value: "", want: ""},
		{value: "bookworm", want: "bookworm"},
		{value: " trixie,bullseye ", want: "trixie bullseye"},
		{value: "bookworm potato", err: `unknown release "potato"`},
	} {
		chosen, err := releases(c.value)
		var names []string
		for _, release := range chosen {
			names = append(names, release.Name)
		}
		if got := strings.Join(names, " "); got != c.want || (err != nil) != (c.err != "") {
			t.Errorf("%q: %q, %v; want %q, %q", c.value, got, err, c.want, c.err)
		}
		if err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v; want %s", c.value, err, c.err)
		}
	}
}

func TestArchive(t *testing.T) {
	for _, c := range []struct{ name, targets, codename, want string }{
		{
			"what apt has fetched says whose it is",
			"main stable https://browser.example/deb/ Browser\n" +
				"main bookworm-updates http://updates.example/debian/ Debian\n" +
				"main bookworm-security http://security.example/ Debian-Security\n" +
				"main stable http://deb.example/debian/ Debian\n",
			"bookworm", "http://deb.example/debian",
		},
		{
			"before that, the host's release does",
			"main stable https://browser.example/deb/ $(LABEL)\nmain bookworm http://deb.example/debian/ $(LABEL)\n",
			"bookworm", "http://deb.example/debian",
		},
		{
			"a derived distribution has another archive",
			"main noble http://archive.example/ubuntu/ Ubuntu\n", "", "",
		},
		{
			"and an unknown one is not taken for Debian's",
			"main noble http://archive.example/ubuntu/ $(LABEL)\n", "", "",
		},
		{
			"a component is not the archive",
			"contrib bookworm http://deb.example/debian/ Debian\n", "bookworm", "",
		},
	} {
		if got := archive(c.targets, c.codename); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAptNetwork(t *testing.T) {
	dump := `APT "";
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CAInfo "/etc/ssl/ca.pem";
Acquire::Check-Date "false";
Acquire::cdrom::mount "/media/cdrom";
`
	want := []string{
		`Acquire::http::Proxy "http://proxy.example:3128";`,
		`Acquire::https::CAInfo "/etc/ssl/ca.pem";`,
		`Acquire::Check-Date "false";`,
	}
	if got := aptNetworkPattern.FindAllString(dump, -1); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestParseResponse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Response
		fails      bool
	}{
		{
			name: "head and body",
			text: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2\r\n\r\nline\r\n\r\nrest",
			want: Response{200, http.Header{"Content-Type": {"text/plain"}, "X-A": {"1", "2"}}, "line\r\n\r\nrest"},
		},
		{
			name: "interim responses are not it",
			text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/2 404 \r\n\r\n",
			want: Response{404, http.Header{}, ""},
		},
		{name: "nothing", text: "", fails: true},
		{name: "no HTTP", text: "220 smtp ready\r\n\r\n", fails: true},
		{name: "a cut head", text: "HTTP/1.1 200 OK\r\nX-A: 1\r\n", fails: true},
	} {
		got, err := parseResponse(c.text)
		if (err != nil) != c.fails || !c.fails && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v; want %#v", c.name, got, err, c.want)
		}
	}
}

func TestParseRecord(t *testing.T) {
	line := `{"MESSAGE":[27,91,109],"SITE":"blog","_PID":"7","GROUP":["a",[98,200]],"GONE":null}`
	want := map[string]string{"MESSAGE": "\x1b[m", "SITE": "blog", "_PID": "7", "GROUP": "a\nb\xc8", "GONE": ""}
	got, err := parseRecord([]byte(line))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := parseRecord([]byte(`{"MESSAGE":{}}`)); err == nil {
		t.Error("an object is not a value")
	}
}

func TestWithoutMake(t *testing.T) {
	got := withoutMake([]string{"PATH=/bin", "MAKEFLAGS=-j2 -- PREFIX=/opt", "PREFIX=/opt", "HOME=/root"})
	if want := []string{"PATH=/bin", "HOME=/root"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
