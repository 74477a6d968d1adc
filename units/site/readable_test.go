package site

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// readableTree makes directories and files with the modes given, in a place that everybody
// comes to.
func readableTree(t *testing.T, modes map[string]os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	// Not for root: what nobody may read is made last.
	for name := range modes {
		path := dir + "/" + name
		directory, file := filepath.Split(path)
		if err := os.MkdirAll(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		if file == "" {
			continue
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, directory := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range modes {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCheckReadable: each file and directory that the front end's user cannot read is named,
// with what would let it, and nothing else is.
func TestCheckReadable(t *testing.T) {
	t.Parallel()
	dir := readableTree(t, map[string]os.FileMode{
		"www/a.txt": 0o644, "www/secret.txt": 0o600, "www/.hidden": 0o600, "www/group.txt": 0o640, "www/mine.txt": 0o044, "www/a.rst": 0o600,
		"www/sub/": 0o700, "www/sub/b.txt": 0o600, "www/ok/c.rst": 0o600, "far/": 0o600, "far/www/a.txt": 0o644,
		"many/1": 0, "many/2": 0, "many/3": 0, "many/4": 0, "many/5": 0, "many/6": 0, "many/7": 0,
		"page.html": 0o600,
	})
	if err := os.Symlink("far/www", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../page.html", filepath.Join(dir, "www/out")); err != nil {
		t.Fatal(err)
	}
	s := inDir(t, dir, `error-page = { 404 = "@/page.html" }
[[mount]]
path = "/"
module = "a"
application-group = ""
[[static]]
path = "/www"
directory = "@/www"
[[static]]
path = "/link"
directory = "@/link/"
[[static]]
path = "/many"
directory = "@/many"
[[static]]
path = "/none"
directory = "@/none"
[[handler]]
path = "/www/ok"
suffix = ".rst"
module = "h"
application-group = ""
`)
	own, group := os.Geteuid(), os.Getegid()
	told := func(path, mode, letter string) string {
		return "@/" + path + "\": mode " + mode + ", owner OWN, group GROUP\nhint: chmod o+" + letter + " @/" + path +
			", or for this user alone setfacl -m u:wsgi:" + letter + " @/" + path
	}
	const who = ": user wsgi, as whom the front end runs, cannot "
	want := []string{"F:1: error-page" + who + "read file \"" + told("page.html", "0600", "r")}
	for _, file := range []struct{ name, what, mode, letter string }{
		{"www/a.rst", "read file", "0600", "r"},
		{"www/group.txt", "read file", "0640", "r"},
		{"www/secret.txt", "read file", "0600", "r"},
		{"www/sub", "pass through directory", "0700", "x"},
	} {
		want = append(want, "F:8: static.directory"+who+file.what+" \""+told(file.name, file.mode, file.letter))
	}
	want = append(want, "F:11: static.directory"+who+"pass through directory \""+told("far", "0600", "x"))
	for _, name := range []string{"many/1", "many/2", "many/3", "many/4"} {
		want = append(want, "F:14: static.directory"+who+"read file \""+told(name, "0000", "r"))
	}
	want = append(want, strings.Replace("F:14: static.directory"+who+"read file \""+told("many/5", "0000", "r"), "GROUP\n", "GROUP; and there are 2 more\n", 1))
	text := strings.NewReplacer("@", dir, "F:", "/etc/wsgi/blog.toml:", "OWN", strconv.Itoa(own), "GROUP", strconv.Itoa(group)).Replace(strings.Join(want, "\n"))
	if err := s.checkReadable(reader{name: "wsgi", uid: own + 1}); err == nil || err.Error() != text {
		t.Errorf("errors are\n%v\nwant\n%s", err, text)
	}
	// A group counts by its own bits, and the owner by those of the owner alone.
	asGroup := s.checkReadable(reader{name: "wsgi", uid: own + 1, groups: []int{group + 1, group}})
	if asGroup == nil || strings.Contains(asGroup.Error(), "group.txt") || !strings.Contains(asGroup.Error(), "hint: chmod g+r "+dir+"/www/secret.txt\n") {
		t.Errorf("as the group: %v", asGroup)
	}
	asOwner := s.checkReadable(reader{name: "wsgi", uid: own})
	if asOwner == nil || !strings.Contains(asOwner.Error(), "hint: chmod u+r "+dir+"/www/mine.txt\n") || strings.Contains(asOwner.Error(), "secret") {
		t.Errorf("as the owner: %v", asOwner)
	}
}
