package conformance_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// accessPlaces has a place for each kind of access; SCRIPT stands for the scripts' file.
const accessPlaces = `
[[location]]
path = "/host"
access-script = "SCRIPT"

[[location]]
path = "/basic"
auth-type = "basic"
auth-name = "here"
auth-user-script = "SCRIPT"

[[location]]
path = "/digest"
auth-type = "digest"
auth-name = "here"
auth-user-script = "SCRIPT"

[[location]]
path = "/staff"
auth-type = "basic"
auth-name = "here"
auth-user-script = "SCRIPT"
auth-group-script = "SCRIPT"
require = "group staff"

[[location]]
path = "/bob"
auth-type = "basic"
auth-name = "here"
auth-user-script = "SCRIPT"
require = "user bob"

[[location]]
path = "/hidden"
auth-type = "basic"
auth-name = "here"
auth-user-script = "SCRIPT"
pass-authorization = false
`

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// testAccess: mod_wsgi's scripts for hosts, users and groups.
func testAccess(t *testing.T) {
	places := strings.ReplaceAll(accessPlaces, "SCRIPT", appFile(t, "access.py"))
	g := serve(t, config{app: "environ.py", more: places, group: "processes = 2"})
	challenge := header("WWW-Authenticate", `Basic realm="here", charset="UTF-8"`)
	t.Run("host", func(t *testing.T) {
		play(t, g, []exchange{
			{"allowed", get("/host"), []check{status(200), none("REMOTE_USER", "AUTH_TYPE")}},
			{"refused", get("/host/refused"), []check{errorPage(403)}},
			{"undecided", get("/host/undecided"), []check{status(200)}},
			{"nonsense", get("/host/nonsense"), []check{errorPage(500)}},
			{"elsewhere", get("/refused"), []check{status(200)}},
		})
	})
	t.Run("basic", func(t *testing.T) {
		play(t, g, []exchange{
			{"no credentials", get("/basic"), []check{errorPage(401), challenge}},
			{"right", get("/basic", basic("ann", "one")), []check{status(200), value("REMOTE_USER", "ann"), value("AUTH_TYPE", "Basic")}},
			{"wrong password", get("/basic", basic("ann", "two")), []check{errorPage(401), challenge}},
			{"empty password", get("/basic", basic("ann", "")), []check{errorPage(401)}},
			{"no such user", get("/basic", basic("eve", "one")), []check{errorPage(401)}},
			{"UTF-8", get("/basic", basic("zo\u00eb", "dr\u00e9i")), []check{status(200), value("REMOTE_USER", "zo\u00c3\u00ab")}},
			{"no base64", get("/basic", "Authorization: Basic !!!"), []check{errorPage(401)}},
			{"no colon", get("/basic", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ann"))), []check{errorPage(401)}},
			{"another scheme", get("/basic", "Authorization: Bearer x"), []check{errorPage(401)}},
			{"the script raises", get("/basic", basic("raise", "")), []check{errorPage(500)}},
			{"credentials are hidden", get("/hidden", basic("ann", "one")), []check{status(200), value("REMOTE_USER", "ann"), none("HTTP_AUTHORIZATION")}},
			{"not asked for", get("/", basic("ann", "one")), []check{status(200), none("REMOTE_USER")}},
		})
		t.Run("traceback", func(t *testing.T) { g.log.await(t, "RuntimeError: the users cannot be asked") })
	})
	t.Run("group and user", func(t *testing.T) {
		play(t, g, []exchange{
			{"in the group", get("/staff", basic("ann", "one")), []check{status(200), value("REMOTE_USER", "ann")}},
			{"not in the group", get("/staff", basic("bob", "two")), []check{errorPage(401)}},
			{"without groups", get("/staff", basic("zo\u00eb", "dr\u00e9i")), []check{errorPage(401)}},
			{"in the group, wrong password", get("/staff", basic("ann", "two")), []check{errorPage(401)}},
			{"the user", get("/bob", basic("bob", "two")), []check{status(200), value("REMOTE_USER", "bob")}},
			{"another user", get("/bob", basic("ann", "one")), []check{errorPage(401)}},
		})
	})
	t.Run("digest", func(t *testing.T) { testDigest(t, g.in(t)) })
}

// testDigest answers challenges as a browser does (RFC 7616, MD5, qop=auth).
func testDigest(t *testing.T, g *gateway) {
	r := g.send(get("/digest/x"))
	asked := parameters(r.header.Get("WWW-Authenticate"))
	if r.status != 401 || asked["realm"] != "here" || asked["nonce"] == "" || !strings.Contains(asked["qop"], "auth") {
		t.Fatalf("status %d, challenge %q", r.status, r.header.Get("WWW-Authenticate"))
	}
	answer := func(user, password, nonce, uri string, count int) string {
		a1, a2 := hash(user, "here", password), hash("GET", uri)
		nc := fmt.Sprintf("%08x", count)
		return fmt.Sprintf(`Authorization: Digest username="%s", realm="here", nonce="%s", uri="%s", qop=auth, nc=%s, cnonce="c", response="%s", opaque="%s"`,
			user, nonce, uri, nc, hash(a1, nonce, nc, "c", "auth", a2), asked["opaque"])
	}
	nonce := asked["nonce"]
	play(t, g, []exchange{
		{"right", get("/digest/x", answer("ann", "one", nonce, "/digest/x", 1)), []check{status(200), value("REMOTE_USER", "ann"), value("AUTH_TYPE", "Digest")}},
		{"once more", get("/digest/x", answer("ann", "one", nonce, "/digest/x", 2)), []check{status(200)}},
		{"wrong password", get("/digest/x", answer("ann", "two", nonce, "/digest/x", 3)), []check{errorPage(401)}},
		{"no such user", get("/digest/x", answer("eve", "one", nonce, "/digest/x", 4)), []check{errorPage(401)}},
		{"for another path", get("/digest/y", answer("ann", "one", nonce, "/digest/x", 5)), []check{status(400)}},
		{"own nonce", get("/digest/x", answer("ann", "one", "made-up", "/digest/x", 6)), []check{errorPage(401)}},
	})
}

// hash is H(a:b:…) of RFC 7616.
func hash(parts ...string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":"))))
}

// parameters of a challenge; values have no commas here, but for qop, which is quoted.
func parameters(challenge string) map[string]string {
	found := map[string]string{}
	_, rest, _ := strings.Cut(challenge, " ")
	for part := range strings.SplitSeq(rest, ", ") {
		name, value, _ := strings.Cut(part, "=")
		found[name] = strings.Trim(value, `"`)
	}
	return found
}
