package confine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/confine"
)

// TestRead follows a service from systemd over a thread to a program that it starts.
func TestRead(t *testing.T) {
	files := map[int][]string{
		1: {
			`openat(AT_FDCWD</>, "/etc/secret", O_RDONLY) = 4</etc/secret>`,
			`clone(child_stack=NULL, flags=SIGCHLD) = 9`,
		},
		9: {
			`openat(AT_FDCWD</>, "/etc/unit", O_RDONLY) = 4</etc/unit>`,
			`execve("/usr/bin/wsgid", ["/usr/bin/wsgid", "serve", "a, \"b\""], 0x55 /* 3 vars */) = 0`,
			`openat(AT_FDCWD</>, "/etc/localtime", O_RDONLY|O_CLOEXEC) = 4</usr/share/zoneinfo/UTC>`,
			`openat(AT_FDCWD</>, "none", O_RDONLY) = -1 ENOENT (No such file or directory)`,
			`clone(child_stack=0x1, flags=CLONE_THREAD, tls=0x2) = 10`,
			`+++ exited with 0 +++`,
		},
		10: {
			`openat(5</etc/wsgi>, "a.toml", O_RDONLY|O_DIRECTORY) = 6</etc/wsgi/a.d>`,
			`openat(AT_FDCWD</>, "/tmp", O_RDWR|O_CLOEXEC|O_TMPFILE, 0600) = 7</tmp/#12 (deleted)>`,
			`openat(AT_FDCWD</>, "/tmp", O_RDWR|O_CLOEXEC|O_TMPFILE, 0600) = 7</tmp/#13>(deleted)`,
			`openat(AT_FDCWD</>, "/var/log/x", O_WRONLY|O_CREAT|O_APPEND, 0644) = 8</var/log/x>`,
			`socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3<UNIX:[5]>`,
			`connect(3<UNIX:[5]>, {sa_family=AF_UNIX, sun_path="/run/a.sock"}, 13) = 0`,
			`socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 4<UNIX:[6]>`,
			`connect(4<UNIX:[6]>, {sa_family=AF_UNIX, sun_path="/run/notify"}, 13) = 0`,
			`connect(6<TCP:[7]>, {sa_family=AF_INET, sin_port=htons(5), sin_addr=inet_addr("127.0.0.1")}, 16) = 0`,
			`unlinkat(5</run/wsgi>, "b.sock", 0) = 0`,
			`renameat(AT_FDCWD</>, "/a", 5</run>, "b") = 0`,
			`mkdirat(AT_FDCWD</>, "/run/d", 0755) = 0`,
			`newfstatat(AT_FDCWD</>, "/etc/shadow", {st_mode=S_IFREG}, 0) = 0`,
			`mmap(NULL, 8192, PROT_READ|PROT_EXEC, MAP_PRIVATE, 4</usr/lib/a.so>, 0) = 0x7f00`,
			`mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 4</usr/lib/b.so>, 0) = 0x7f00`,
			`clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 11`,
		},
		11: {
			`execve("/usr/bin/python3", ["python3"], 0x55 /* 3 vars */ <pid changed to 11 ...>`,
			`<... execve resumed>) = 0`,
			`execve("/proc/self/exe", ["/proc/self/exe", "worker"], 0x55 /* 3 vars */) = 0`,
			`execve("/usr/bin/wsgid", ["/usr/bin/wsgid", "refresh"], 0x55 /* 3 vars */) = 0`,
			`openat(AT_FDCWD</>, "/etc/later", O_RDONLY) = 4</etc/later>`,
		},
	}
	all, err := confine.Read(files, func(argv []string, present string) string {
		switch {
		case slices.Contains(argv, "serve"):
			return "supervisor"
		case slices.Contains(argv, "refresh"):
			return ""
		}
		return present
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, strings.TrimSpace(fmt.Sprint(a.Domain, " ", a.Path, a.Family, " ", a.Perms, a.Kind)))
	}
	want := []string{
		"supervisor /usr/bin/wsgid x",
		"supervisor /etc/wsgi/a.d/ r",
		"supervisor /tmp/#12 rw",
		"supervisor /tmp/#13 rw",
		"supervisor /var/log/x w",
		"supervisor unix stream",
		"supervisor /run/a.sock rw",
		"supervisor unix dgram",
		"supervisor /run/notify w",
		"supervisor /run/wsgi/b.sock w",
		"supervisor /a rw",
		"supervisor /run/b w",
		"supervisor /run/d/ w",
		"supervisor /usr/lib/a.so m",
		"supervisor /usr/bin/python3 x",
		"supervisor /usr/bin/python3 x",
		"supervisor /usr/share/zoneinfo/UTC r",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadErrors(t *testing.T) {
	for _, line := range []string{`swapon("/dev/sda") = 0`, `garbage`} {
		files := map[int][]string{1: {`execve("/usr/bin/wsgid", ["wsgid"], 0x5 /* 3 vars */) = 0`, line}}
		if _, err := confine.Read(files, func([]string, string) string { return "all" }); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
