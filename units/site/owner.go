package site

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// script-user and script-group: whose a script must be to be executed. A directory
// counts as its files do, because who may write there may put another file in the
// script's place.

func groupOwnerKeys() []Key {
	return []Key{
		{
			Name: "script-user", Type: TypeUser, check: checkAccount, ModWSGI: "script-user",
			Meaning: "User, or #uid, who must own the script and its directory, neither of which the group or others may write; else requests are answered 403 and the script is not executed.",
		},
		{
			Name: "script-group", Type: TypeUser, check: checkAccount, ModWSGI: "script-group",
			Meaning: "Group, or #gid, that must own the script and its directory, neither of which others may write; else requests are answered 403 and the script is not executed.",
		},
	}
}

// scriptOwner is what one of the keys asks for.
type scriptOwner struct {
	key, name, command string
	accounts           accounts
	of                 func(*syscall.Stat_t) uint32
	writers            os.FileMode // who may not write
}

// scriptOwner gives the key that is set; ok is false when none is.
func (g *Group) scriptOwner() (o scriptOwner, ok bool) {
	switch {
	case g.ScriptUser != "":
		return scriptOwner{
			key: "script-user", name: g.ScriptUser, command: "chown", accounts: userAccounts,
			of: func(s *syscall.Stat_t) uint32 { return s.Uid }, writers: 0o022,
		}, true
	case g.ScriptGroup != "":
		return scriptOwner{
			key: "script-group", name: g.ScriptGroup, command: "chgrp", accounts: groupAccounts,
			of: func(s *syscall.Stat_t) uint32 { return s.Gid }, writers: 0o002,
		}, true
	}
	return scriptOwner{}, false
}

// CheckOwner says what script-user or script-group have against executing a
// script; nil when nothing, or neither is set. It looks at the file system and, for
// a name, at the accounts of the machine.
func (g *Group) CheckOwner(script string) error {
	o, ok := g.scriptOwner()
	if !ok {
		return nil
	}
	id, err := o.accounts.number(o.name)
	if err != nil {
		return fmt.Errorf("%s: %w", o.key, err)
	}
	info, err := os.Stat(script)
	switch {
	case err != nil:
		return statFault(script, err)
	case !info.Mode().IsRegular():
		return &fault{msg: strconv.Quote(script) + " is not a file"}
	}
	directory := filepath.Dir(script)
	parent, err := os.Stat(directory)
	if err != nil {
		return statFault(directory, err)
	}
	if f := o.check(script, info, id); f != nil {
		return f
	}
	if f := o.check(directory, parent, id); f != nil {
		return f
	}
	return nil
}

func (o *scriptOwner) check(path string, info os.FileInfo, id int) *fault {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return &fault{msg: "the owner of " + strconv.Quote(path) + " is not known"}
	}
	if owner := int(o.of(stat)); owner != id {
		return &fault{
			msg:  fmt.Sprintf("%q belongs to %s %d, and %s is %q", path, o.accounts.word(), owner, o.key, o.name),
			hint: fmt.Sprintf("%s %s %s", o.command, UnitAccount(o.name), path),
		}
	}
	if info.Mode()&o.writers == 0 {
		return nil
	}
	who, bits := "others", "o-w"
	if info.Mode()&o.writers&0o020 != 0 {
		who, bits = "its group", "g-w"
	}
	return &fault{msg: fmt.Sprintf("%q can be written by %s, and %s is set", path, who, o.key), hint: "chmod " + bits + " " + path}
}

// ownerRules checks what no single key can.
func (d *decoder) ownerRules(key string, n *node, g *Group) {
	if g.ScriptUser != "" && g.ScriptGroup != "" {
		d.fail(n.table["script-group"].place, key+".script-group", &fault{msg: "script-user is set too", hint: "keep one of script-user and script-group"})
	}
}

// ownersUsed refuses the keys where there is no script.
func (d *decoder) ownersUsed() {
	for _, g := range d.site.Groups {
		o, ok := g.scriptOwner()
		if !ok {
			continue
		}
		module := slices.ContainsFunc(d.site.AllMounts(), func(m *Mount) bool { return m.Group == g.Name && m.Module != "" })
		if module {
			at := g.Key() + "." + o.key
			d.fail(d.site.lines[at], at, &fault{msg: "the application of this group is a module, not a script", hint: "write script in place of module, or leave " + o.key + " out"})
		}
	}
}
