package packaging_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// release is what the tests build packages of, but for those of a commit.
const release = "1.2.3~rc1"

// ofRelease are the variables of such a build.
func ofRelease() []string { return []string{"VERSION=" + release, "SOURCE_DATE_EPOCH=1700000000"} }

// build runs `make packages` in the tree root, under an umask, with assignments of
// variables in its environment.
func build(t *testing.T, root, out, umask string, variables ...string) {
	t.Helper()
	need(t, "make", "git", "dpkg-deb", "gzip")
	cmd := exec.Command("sh", "-c", "umask "+umask+"; exec make -s -C \"$1\" packages OUT=\"$2\"", "sh", root, out)
	cmd.Env = append(append(os.Environ(), "MAKEFLAGS=", "GO=go"), variables...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make packages: %v\n%s", err, output)
	}
}

// need skips a test that cannot run without a program.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not proved that the packages are as they should be")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s: not proved that the packages are as they should be", program)
		}
	}
}

// built are the two packages, made once for all tests that only read them.
var built = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "wsgid-packages-")
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(built())
	os.Exit(status)
}

// packages gives the paths of the deb and the rpm for amd64.
func packages(t *testing.T) (deb, rpm string) {
	t.Helper()
	return packagesFor(t, "amd64", "x86_64")
}

// packagesFor gives the paths of those for an architecture, which each format has a name for.
func packagesFor(t *testing.T, debArch, rpmArch string) (deb, rpm string) {
	t.Helper()
	deb = filepath.Join(built(), "wsgid_"+release+"-1_"+debArch+".deb")
	rpm = filepath.Join(built(), "wsgid-"+release+"-1."+rpmArch+".rpm")
	if _, err := os.Stat(deb); err != nil {
		build(t, "..", built(), "022", ofRelease()...)
	}
	return deb, rpm
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, output, stderr.String())
	}
	return string(output)
}

// file is what a package says of a file: rwxr-xr-x root:root, and where a link leads.
type file struct{ mode, link string }

// inDeb are the files of the deb that are no directories.
func inDeb(t *testing.T, deb string) map[string]file {
	t.Helper()
	files := map[string]file{}
	archive := tar.NewReader(strings.NewReader(command(t, "dpkg-deb", "--fsys-tarfile", deb)))
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		files[strings.TrimPrefix(h.Name, ".")] = described(fs.FileMode(h.Mode).Perm(), h.Linkname)
	}
}

func described(mode fs.FileMode, link string) file {
	if link != "" {
		return file{link: link}
	}
	return file{mode: fmt.Sprintf("%o", mode)}
}

// installed are the files that `make install` makes.
func installed(t *testing.T) map[string]file {
	t.Helper()
	bin, root := t.TempDir(), t.TempDir()
	for _, name := range []string{"wsgid", "wsgid-generator"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "env", "MAKEFLAGS=", "make", "-s", "-C", "..", "install", "BIN="+bin, "DESTDIR="+root, "PREFIX=/usr", "PKG_CONFIG=false")
	files := map[string]file{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		link, _ := os.Readlink(path)
		files[strings.TrimPrefix(path, root)] = described(info.Mode().Perm(), link)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// assertSame compares the files of two packages, as fix has those of want.
func assertSame(t *testing.T, got, want map[string]file) {
	t.Helper()
	for name, file := range want {
		if got[name] != file {
			t.Errorf("%s: %+v, want %+v", name, got[name], file)
		}
	}
	for name := range got {
		if _, wanted := want[name]; !wanted {
			t.Errorf("%s is there", name)
		}
	}
}

// relative turns absolute links below /usr into those of a package.
func relative(t *testing.T, files map[string]file) {
	t.Helper()
	for name, f := range files {
		if f.link == "" {
			continue
		}
		link, err := filepath.Rel(filepath.Dir(name), f.link)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file{link: link}
	}
}

// packed are files under the names that they have in a package: manual pages are
// compressed, and some are elsewhere.
func packed(files map[string]file, rename map[string]string) map[string]file {
	page := regexp.MustCompile(`^/usr/share/man/man\d/.*\.\d$`)
	renamed := map[string]file{}
	for name, f := range files {
		if page.MatchString(name) {
			name += ".gz"
		}
		if other, found := rename[name]; found {
			name = other
		}
		renamed[name] = f
	}
	return renamed
}
