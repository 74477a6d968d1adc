package site

import (
	"slices"
	"strings"
)

// Access says which requests reach an application, as functions of scripts decide
// that run in its daemon group: mod_wsgi's WSGIAccessScript, WSGIAuthUserScript and
// WSGIAuthGroupScript.
type Access struct {
	// Script has allow_access(); "" means that every client may come.
	Script string
	// AuthType is how a client says who it is: AuthBasic, AuthDigest, or AuthNone,
	// which "" means as well.
	AuthType string
	// AuthName is the realm, which browsers show and keep passwords by.
	AuthName string
	// UserScript has check_password() for AuthBasic and get_realm_hash() for
	// AuthDigest.
	UserScript string
	// GroupScript has groups_for_user(); "" means that users have no groups.
	GroupScript string
	// Require says who may come, see requirement; nil means every user.
	Require []string
	// GroupAuthoritative has the groups in Require decide alone.
	GroupAuthoritative bool
}

// How a client says who it is.
const (
	// AuthNone is for places where it does not.
	AuthNone = "none"
	// AuthBasic is RFC 7617.
	AuthBasic = "basic"
	// AuthDigest is RFC 7616, with MD5.
	AuthDigest = "digest"
)

// AccessFunction is a function that decides, and the file that has it.
type AccessFunction struct{ Name, File string }

// AsksUser reports whether a client has to say who it is.
func (a *Access) AsksUser() bool {
	return (a.AuthType == AuthBasic || a.AuthType == AuthDigest) && !a.says(allGranted) && !a.says(allDenied)
}

func (a *Access) says(requirement string) bool { return slices.Contains(a.Require, requirement) }

// Digest reports whether clients say who they are by AuthDigest.
func (a *Access) Digest() bool { return a.AsksUser() && a.AuthType == AuthDigest }

// groups are those of which a user may be to come.
func (a *Access) groups() []string {
	var all []string
	for _, text := range a.Require {
		if r, _ := readRequirement(text); r.kind == requireGroup {
			all = append(all, r.names...)
		}
	}
	return all
}

// Functions are those that decide, in the order in which they are called.
func (a *Access) Functions() []AccessFunction {
	var all []AccessFunction
	if a.Script != "" {
		all = append(all, AccessFunction{"allow_access", a.Script})
	}
	if !a.AsksUser() {
		return all
	}
	if a.AuthType == AuthDigest {
		all = append(all, AccessFunction{"get_realm_hash", a.UserScript})
	} else {
		all = append(all, AccessFunction{"check_password", a.UserScript})
	}
	if len(a.groups()) > 0 {
		all = append(all, AccessFunction{"groups_for_user", a.GroupScript})
	}
	return all
}

// Rule is all of it as a text for the processes: lines of words that tabs separate.
// "" means that every request may come. No value has a tab or a line in it.
func (a *Access) Rule() string {
	var lines []string
	add := func(words ...string) { lines = append(lines, strings.Join(words, "\t")) }
	for _, f := range a.Functions() {
		switch f.Name {
		case "allow_access":
			add("access", f.File)
		case "groups_for_user":
			add("groups", f.File)
		default:
			add("name", a.AuthName)
			add(a.AuthType, f.File)
		}
	}
	switch {
	case a.says(allDenied):
		add("closed")
	case a.AsksUser():
		a.requirements(add)
	case a.Script != "":
		add("open")
	}
	return strings.Join(lines, "\n")
}

func (a *Access) requirements(add func(words ...string)) {
	if len(a.Require) == 0 {
		add("any-user")
	}
	for _, text := range a.Require {
		switch r, _ := readRequirement(text); r.kind {
		case requireUser:
			add(append([]string{"user"}, r.names...)...)
		case requireGroup:
			add(append([]string{"group"}, r.names...)...)
		default:
			add("any-user")
		}
	}
	if a.GroupAuthoritative {
		add("authoritative")
	}
}

// AccessFunctions are the functions that a group's places call, each once, in the
// order of the places.
func (s *Site) AccessFunctions(group string) []AccessFunction {
	var all []AccessFunction
	for _, p := range s.Places() {
		if !slices.Contains(s.servedBy(p.Mount), group) {
			continue
		}
		for _, f := range p.Policy.Access.Functions() {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// AccessFiles is what AccessFunctions says, as one text; "" is nothing.
func (s *Site) AccessFiles(group string) string {
	var lines []string
	for _, f := range s.AccessFunctions(group) {
		lines = append(lines, f.Name+"\t"+f.File)
	}
	return strings.Join(lines, "\n")
}

// access looks for the scripts of access control.
func (c *fileCheck) access() {
	seen := map[string]bool{}
	for _, p := range c.site.Places() {
		if g := c.site.Group(p.Mount.Group); g != nil && g.Chroot != "" {
			continue
		}
		for _, f := range p.Policy.Access.Functions() {
			key := c.site.nearest(p, f.key())
			if !seen[key] {
				seen[key] = true
				c.at(checkFile(f.File), key)
			}
		}
	}
}

// key is the key that names the function's file.
func (f AccessFunction) key() string {
	switch f.Name {
	case "allow_access":
		return "access-script"
	case "groups_for_user":
		return "auth-group-script"
	}
	return "auth-user-script"
}
