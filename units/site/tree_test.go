package site

import (
	"strings"
	"testing"
)

func TestUTF16IsRefused(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"\xfe\xff", "\xff\xfe"} {
		_, err := Parse("blog", "/etc/wsgi/blog.toml", []byte(mark+"server-name = \"a\"\n"))
		if err == nil || !strings.Contains(err.Error(), "/etc/wsgi/blog.toml:1: ") || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("mark %q: %v", mark, err)
		}
	}
	if _, err := Parse("blog", "/etc/wsgi/blog.toml", []byte("\ufeff[[mount]]\npath = \"/\"\nmodule = \"a:b\"\n")); err != nil {
		t.Errorf("a byte order mark of UTF-8: %v", err)
	}
}
