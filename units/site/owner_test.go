package site

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestCheckOwner goes through mod_wsgi's rules: the owner of the script and of its
// directory, and who else may write them.
func TestCheckOwner(t *testing.T) {
	uid, gid := "#"+strconv.Itoa(os.Getuid()), "#"+strconv.Itoa(os.Getgid())
	for name, c := range map[string]struct {
		user, group     string
		file, directory os.FileMode
		want            string // in the error; "" means none
	}{
		"nothing set":                {"", "", 0o666, 0o777, ""},
		"user":                       {uid, "", 0o644, 0o755, ""},
		"user, private":              {uid, "", 0o600, 0o700, ""},
		"another user":               {"nobody", "", 0o644, 0o755, `app.py" belongs to user ` + uid[1:] + `, and script-user is "nobody"`},
		"user, file of all":          {uid, "", 0o646, 0o755, `app.py" can be written by others`},
		"user, file of the group":    {uid, "", 0o664, 0o755, `app.py" can be written by its group`},
		"user, directory of all":     {uid, "", 0o644, 0o757, `scripts" can be written by others`},
		"user, directory of group":   {uid, "", 0o644, 0o775, `scripts" can be written by its group`},
		"group":                      {"", gid, 0o664, 0o775, ""},
		"another group":              {"", "#4000000000", 0o644, 0o755, `app.py" belongs to group ` + gid[1:]},
		"group, file of all":         {"", gid, 0o646, 0o755, `app.py" can be written by others`},
		"group, directory of all":    {"", gid, 0o644, 0o757, `scripts" can be written by others`},
		"a user that there is not":   {"nobody-of-that-name", "", 0o644, 0o755, "script-user: "},
		"a user that is not a user ": {"#x", "", 0o644, 0o755, "script-user: "},
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "scripts")
			script := filepath.Join(directory, "app.py")
			for _, err := range []error{
				os.Mkdir(directory, 0o700), os.WriteFile(script, nil, 0o600), os.Chmod(script, c.file), os.Chmod(directory, c.directory),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			err := (&Group{ScriptUser: c.user, ScriptGroup: c.group}).CheckOwner(script)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestCheckOwnerOfNoFile(t *testing.T) {
	g := &Group{ScriptUser: "#0"}
	directory := t.TempDir()
	for _, path := range []string{directory, filepath.Join(directory, "none")} {
		if g.CheckOwner(path) == nil {
			t.Errorf("%s may be executed", path)
		}
	}
}
