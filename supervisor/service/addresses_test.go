package service

import (
	"net"
	"slices"
	"testing"

	"github.com/wsgid/wsgid/units/site"
)

// at is a listener of which only the address counts.
type at struct {
	net.Listener
	network, address string
}

func (a at) Addr() net.Addr  { return a }
func (a at) Network() string { return a.network }
func (a at) String() string  { return a.address }

func TestMissingAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sockets []at
		listen  []string
		missing []string
	}{
		{"nothing wanted", []at{{network: "unix", address: "/run/wsgi/x.sock"}}, nil, nil},
		{"no socket", nil, []string{":80", "unix:/a"}, []string{":80", "unix:/a"}},
		{"the same", []at{{network: "tcp", address: "127.0.0.1:80"}, {network: "tcp", address: "[::1]:80"}}, []string{"127.0.0.1:80", "[::1]:80"}, nil},
		{"another port", []at{{network: "tcp", address: "127.0.0.1:80"}}, []string{"127.0.0.1:81"}, []string{"127.0.0.1:81"}},
		{"another address", []at{{network: "tcp", address: "127.0.0.1:80"}}, []string{"127.0.0.2:80"}, []string{"127.0.0.2:80"}},
		{"all addresses", []at{{network: "tcp", address: "[::]:80"}}, []string{":80"}, nil},
		{"all addresses, written out", []at{{network: "tcp", address: "[::]:80"}}, []string{"[::]:80"}, nil},
		{"all addresses without IPv6", []at{{network: "tcp", address: "0.0.0.0:80"}}, []string{":80"}, nil},
		{"all of IPv4 only", []at{{network: "tcp", address: "0.0.0.0:80"}}, []string{"0.0.0.0:80"}, nil},
		{"one of all", []at{{network: "tcp", address: "[::]:80"}}, []string{"127.0.0.1:80"}, []string{"127.0.0.1:80"}},
		{"interface", []at{{network: "tcp", address: "[fe80::1%eth0]:80"}}, []string{"[fe80::1%eth0]:80"}, nil},
		{"paths", []at{{network: "unix", address: "/run/a.sock"}}, []string{"unix:/run/a.sock", "unix:/run/b.sock"}, []string{"unix:/run/b.sock"}},
		{"by the older name", []at{{network: "unix", address: "/run/a.sock"}}, []string{"unix:/var/run/a.sock"}, nil},
		{"a path is no address", []at{{network: "unix", address: "127.0.0.1:80"}}, []string{"127.0.0.1:80"}, []string{"127.0.0.1:80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var sockets []net.Listener
			for _, s := range c.sockets {
				sockets = append(sockets, s)
			}
			var wanted []site.Listener
			for _, text := range c.listen {
				l, err := site.ParseListener(text)
				if err != nil {
					t.Fatal(err)
				}
				wanted = append(wanted, l)
			}
			if got := missingAddresses(wanted, sockets); !slices.Equal(got, c.missing) {
				t.Errorf("got %q, want %q", got, c.missing)
			}
		})
	}
}
