package site

import (
	"net/netip"
	"strings"
	"testing"
)

// TestAdmits: the closer description counts, whichever of the keys it stands in.
func TestAdmits(t *testing.T) {
	t.Parallel()
	for keys, clients := range map[string]map[string]bool{
		"":                                      {"192.0.2.7": true, "2001:db8::1": true, "unix": true},
		`allow = "192.0.2.0/24"`:                {"192.0.2.7": true, "192.0.3.7": false, "2001:db8::1": false, "unix": false},
		`deny = "192.0.2.0/24"`:                 {"192.0.2.7": false, "192.0.3.7": true, "2001:db8::1": true, "unix": true},
		"allow = ['unix', '0.0.0.0/0', '::/0']": {"unknown": false, "unix": true},
		"deny = ['unix', '0.0.0.0/0', '::/0']":  {"unknown": true, "unix": false},
		"allow = 'all'":                         {"unknown": true},
		`allow = "unix"`:                        {"192.0.2.7": false, "unix": true},
		`deny = "unix"`:                         {"192.0.2.7": true, "unix": false},
		`deny = "all"`:                          {"192.0.2.7": false, "2001:db8::1": false, "unix": false},
		`allow = "all"`:                         {"192.0.2.7": true, "unix": true},
		"allow = 'all'\ndeny = 'all'":           {"192.0.2.7": false, "unix": false},
		"allow = ['192.0.2.7', 'unix']\ndeny = 'all'":                      {"192.0.2.7": true, "192.0.2.8": false, "unix": true},
		"deny = ['192.0.2.7', 'unix']\nallow = 'all'":                      {"192.0.2.7": false, "192.0.2.8": true, "unix": false},
		"allow = '192.0.2.0/24'\ndeny = '192.0.2.7'":                       {"192.0.2.7": false, "192.0.2.8": true, "192.0.3.1": false},
		"allow = '192.0.2.7'\ndeny = '192.0.2.0/24'":                       {"192.0.2.7": true, "192.0.2.8": false, "192.0.3.1": false},
		"allow = ['192.0.2.0/25', '2001:db8::/32']\ndeny = '192.0.2.0/25'": {"192.0.2.7": false, "2001:db8::1": true, "2001:db9::1": false},
		"allow = []\ndeny = []":                                            {"192.0.2.7": true},
		"allow = '0.0.0.0/0'":                                              {"192.0.2.7": true, "2001:db8::1": false},
	} {
		p := mustParse(t, keys+"\n"+minimal).Policy
		for client, want := range clients {
			address := netip.Addr{}
			if !strings.HasPrefix(client, "un") {
				address = netip.MustParseAddr(client)
			}
			if p.Admits(address, client == "unix") != want {
				t.Errorf("%s: %s is served: %v, want %v", keys, client, !want, want)
			}
		}
	}
}
