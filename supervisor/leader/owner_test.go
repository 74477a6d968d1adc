package leader

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// ours makes the script and its directory fit script-user.
func ours(t *testing.T, script string) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(script, 0o644); err != nil {
		t.Fatal(err)
	}
}

func ownUser(o *Options) { o.Group.ScriptUser = "#" + strconv.Itoa(os.Getuid()) }

// TestOwnerAtTheStart: the script of somebody else is not executed, and the
// supervisor told what to answer.
func TestOwnerAtTheStart(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"user":  func(o *Options) { o.Group.ScriptUser = "nobody" },
		"group": func(o *Options) { o.Group.ScriptGroup = "#4000000000" },
	} {
		r := lead(t, "print('executed')\n"+hello, change)
		m := r.expect(wire.ProcessFailed)
		if m.Status != 403 || !strings.Contains(m.Text, ", and script-"+name+" is ") {
			t.Errorf("%s: %d %q", name, m.Status, m.Text)
		}
		if len(r.log.with("executed")) > 0 {
			t.Errorf("%s: the script was executed", name)
		}
	}
}

// TestOwnerChanges: what changes while the script is served is seen at once, in the
// script's permissions, in those of its directory, and in another script that takes
// its place.
func TestOwnerChanges(t *testing.T) {
	t.Parallel()
	var script string
	r := lead(t, hello, func(o *Options) {
		ownUser(o)
		script = o.Site.Mounts[0].Script
		ours(t, script)
	})
	r.ready(1)
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	directory := filepath.Dir(script)
	for _, c := range []struct {
		path      string
		bad, good os.FileMode
		want      string
	}{
		{script, 0o664, 0o644, script + `" can be written by its group`},
		{directory, 0o757, 0o755, directory + `" can be written by others`},
		{directory, 0o775, 0o755, directory + `" can be written by its group`},
	} {
		chmod(c.path, c.bad)
		if m := r.expect(wire.Forbidden); !strings.Contains(m.Text, c.want) {
			t.Errorf("told %q, want %q in it", m.Text, c.want)
		}
		chmod(c.path, c.good)
		if m := r.expect(wire.Forbidden); m.Text != "" {
			t.Errorf("told %q", m.Text)
		}
	}
	other := script + ".new"
	writeText(t, other, hello)
	chmod(other, 0o666)
	if err := os.Rename(other, script); err != nil {
		t.Fatal(err)
	}
	if m := r.expect(wire.Forbidden); !strings.Contains(m.Text, "can be written") {
		t.Errorf("told %q", m.Text)
	}
	r.log.wait(t, "the script may not be executed")
}

// TestOwnerOfALaterScript: a script that is mended is brought up, with
// script-reloading.
func TestOwnerOfALaterScript(t *testing.T) {
	t.Parallel()
	var script string
	r := lead(t, hello, func(o *Options) {
		ownUser(o)
		o.Site.Mounts[0].ScriptReloading = true
		script = o.Site.Mounts[0].Script
		ours(t, script)
	})
	r.ready(1)
	if err := os.Chmod(script, 0o666); err != nil {
		t.Fatal(err)
	}
	r.expect(wire.Forbidden)
	if err := os.Chmod(script, 0o644); err != nil {
		t.Fatal(err)
	}
	r.expect(wire.Forbidden)
	r.expect(wire.ScriptChanged)
}

// TestOwnerFits: with the right owner nothing is different, by name and number.
func TestOwnerFits(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*site.Group){
		func(g *site.Group) { g.ScriptUser = "#" + strconv.Itoa(os.Getuid()) },
		func(g *site.Group) { g.ScriptGroup = "#" + strconv.Itoa(os.Getgid()) },
	} {
		r := lead(t, hello, func(o *Options) {
			change(o.Group)
			ours(t, o.Site.Mounts[0].Script)
		})
		threads, _ := r.ready(1)
		if got := threads[0].get(""); got == "" {
			t.Error("no answer")
		}
	}
}
