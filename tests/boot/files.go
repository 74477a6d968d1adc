package boot

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// WriteFile makes a file inside, in a new inode, with the directories that it needs
// (of root, 0755). owner is "USER" or "USER:GROUP"; empty means root. The file goes
// when the test ends, unless it was there before.
func (m *Machine) WriteFile(path, content string, mode fs.FileMode, owner string) {
	m.t.Helper()
	if owner == "" {
		owner = "root"
	}
	if !m.Exists(path) {
		m.t.Cleanup(func() {
			if m.running() {
				m.MustRun("rm", "-f", path)
			}
		})
	}
	m.MustRun("mkdir", "-p", filepath.Dir(path))
	user, group, named := strings.Cut(owner, ":")
	args := []string{"install", "-m", strconv.FormatUint(uint64(mode.Perm()), 8), "-o", user}
	if named {
		args = append(args, "-g", group)
	}
	// An empty Stdin would mean no input, which /dev/null reads the same.
	m.Must(Command{Args: append(args, "/dev/stdin", path), Stdin: content})
}

// ReadFile gives a file's content as root reads it; /proc of the machine included.
func (m *Machine) ReadFile(path string) string {
	m.t.Helper()
	result := m.Run("cat", path)
	if result.Status != 0 {
		m.t.Fatalf("cannot read %s: %s", path, result.Stderr)
	}
	return result.Stdout
}

// Exists reports whether the path names anything: a link counts, even one to nowhere.
func (m *Machine) Exists(path string) bool {
	m.t.Helper()
	return m.Run("sh", "-c", `[ -e "$1" ] || [ -L "$1" ]`, "sh", path).Status == 0
}

// Inode is the number of the inode that the path leads to. A path that was removed
// and made again has another.
func (m *Machine) Inode(path string) uint64 {
	m.t.Helper()
	inode, err := strconv.ParseUint(m.MustRun("stat", "--dereference", "--format=%i", path), 10, 64)
	if err != nil {
		m.t.Fatal(err)
	}
	return inode
}

// Owner says whose a path is and who may use it, as "USER:GROUP MODE": "joe:www-data 660".
func (m *Machine) Owner(path string) string {
	m.t.Helper()
	return m.MustRun("stat", "--format=%U:%G %a", path)
}
