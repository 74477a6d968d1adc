package front

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// FuzzHost: a Host field is refused with a status, or leads to the host that the names of
// the site file give when net/url takes it apart.
func FuzzHost(f *testing.F) {
	for _, host := range []string{
		"one.example.org", "ONE.example.ORG.:80", "a.b.deep.example.org", "[2001:db8:0:0::1]:443", "[::ffff:192.0.2.1]", "192.0.2.1", "192.0.2.01",
		"", ":80", ".", "..", "example.org:", "a_b.example.org", "x.example.org:99999", "joe@top.example", "a%2eexample.org", "[::1", "xn--a.example.org", "a..example.org",
	} {
		f.Add(host)
	}
	all := newHosts(parseSite(f, hostsSite), map[string]*group.Group{"main": {}}, nil)
	limits := http1.DefaultLimits()
	f.Fuzz(func(t *testing.T, host string) {
		head := []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		var scanner http1.Scanner
		end, err := scanner.Scan(head, &limits)
		var request http1.Request
		if err == nil && end == len(head) {
			err = request.Parse(head, &limits)
		}
		var refusal *http1.Error
		switch {
		case errors.As(err, &refusal) && (refusal.Status == 400 || refusal.Status == 431):
			return
		case err != nil:
			t.Fatalf("%q is refused with %v", host, err)
		case end != len(head):
			return // it has the end of the head in it
		}
		address, err := url.Parse("http://" + string(request.Host) + "/")
		if err != nil || strings.Contains(string(request.Host), "%") {
			return // not a name to net/url, or another one: it decodes
		}
		want := hostByDefinition(address.Hostname())
		if got := all.number(all.everywhere.find(request.Host)); got != want {
			t.Fatalf("%q leads to host %d, not %d", request.Host, got, want)
		}
	})
}

// hostByDefinition is the index of the host in hostsSite that has a name.
func hostByDefinition(name string) int {
	if len(name) > longestName {
		return 0
	}
	name = strings.ToLower(name)
	if address, err := netip.ParseAddr(name); err == nil && address.Is6() {
		name = address.String()
	}
	if name != "." {
		name = strings.TrimSuffix(name, ".")
	}
	switch name {
	case "top.example", "www.deep.example.org":
		return 0
	case "one.example.org", "2001:db8::1", "192.0.2.1":
		return 1
	case "deep.example.org":
		return 2
	}
	switch {
	case strings.HasSuffix(name, ".deep.example.org"):
		return 2
	case strings.HasSuffix(name, ".example.org"):
		return 1
	}
	return 0
}
