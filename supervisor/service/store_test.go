package service

import (
	"regexp"
	"testing"
)

// TestStoredName: what is known of a client survives in a name that systemd takes
// (sd_notify(3), FDNAME=: no colon, no control character, 255 bytes at most).
func TestStoredName(t *testing.T) {
	valid := regexp.MustCompile(`^client(\.[A-Za-z0-9_-]+)?$`)
	for _, client := range []string{"", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535,65535,tls", ",,", "192.0.2.1:1,80,"} {
		name := storedName(client)
		if !valid.MatchString(name) || len(name) > 255 {
			t.Errorf("%q is stored as %q", client, name)
		}
		if got, err := storedClient(name); err != nil || got != client {
			t.Errorf("%q came back as %q, %v", client, got, err)
		}
	}
	if _, err := storedClient("client.!"); err == nil {
		t.Error("a name that storedName does not make is taken")
	}
}
