package site

import (
	"strings"
	"testing"
)

// A site may have service scripts alone beside its application.
func TestServiceBesideTheDefaultGroup(t *testing.T) {
	const queue = "[group.queue]\nthreads = 0\nmodule = \"blog.worker\"\n"
	s := mustParse(t, queue+minimal)
	if len(s.Groups) != 1 || s.Groups[0].Name != DefaultGroup || s.Mounts[0].Group != DefaultGroup {
		t.Errorf("groups %v", s.Groups)
	}
	if q := s.Service("queue"); q == nil || !q.IsService() || q.Module != "blog.worker" || s.Group("queue") != nil {
		t.Errorf("the service script is %+v", q)
	}
	again, err := Parse(s.Name, s.Path, s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	sameSite(t, again, s)
}

// A service script may stand below a virtual host, where its site has it.
func TestServiceOfAVhost(t *testing.T) {
	s := mustParse(t, minimal+`[[vhost]]
server-name = "shop.example"
[vhost.group.mails]
threads = 0
module = "shop.mails"
[[vhost.mount]]
path = "/"
script = "/srv/app.py"
`)
	if q := s.Service("mails"); q == nil || q.Host != "shop.example" || len(s.Groups) != 1 {
		t.Fatalf("groups %v, service scripts %v", s.Groups, s.Services)
	}
	again, err := Parse(s.Name, s.Path, s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	sameSite(t, again, s)
}

// Every key of a group is for a service script, or is refused in one.
func TestKeysOfAService(t *testing.T) {
	for _, name := range serviceKeys() {
		if lookup(keysOf(tableGroup), name) == nil {
			t.Errorf("no group has a key %s", name)
		}
	}
	for _, k := range keysOf(tableGroup) {
		if k.State != Supported || k.Type != TypeDuration {
			continue
		}
		text := "[group.queue]\nthreads = 0\nmodule = \"m\"\n" + k.Name + " = \"10s\"\n" + minimal
		_, err := Parse("blog", "blog.toml", []byte(text))
		refused := err != nil && strings.Contains(err.Error(), k.Name+": has no meaning for a service script")
		if counts := k.Name == "shutdown-timeout" || k.Name == "cpu-time-limit" || k.Name == "switch-interval"; refused == counts {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}
