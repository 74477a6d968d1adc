package conformance_test

import (
	"fmt"
	"testing"
)

// testApplicationGroups: WSGIApplicationGroup. %{GLOBAL} and the empty name are the main
// interpreter, which applications share; any other name is an interpreter of its own,
// here with processes of its own.
func testApplicationGroups(t *testing.T) {
	mount := func(path, name string) string {
		return fmt.Sprintf("[[mount]]\npath = %q\nscript = %q\ngroup = \"main\"\napplication-group = %q\n", path, appFile(t, "groups.py"), name)
	}
	g := serve(t, config{
		app: "groups.py", mount: `application-group = "%{GLOBAL}"`,
		more: mount("/empty", "") + mount("/own", "own") + mount("/own-too", "own") + mount("/other", "other"),
	})
	play(t, g, []exchange{
		{"global", get("/x"), []check{body("group='' seen=/\n")}},
		{"empty is global", get("/empty"), []check{body("group='' seen=/ /empty\n")}},
		{"a name", get("/own"), []check{body("group='own' seen=/own\n")}},
		{"the same name", get("/own-too"), []check{body("group='own' seen=/own /own-too\n")}},
		{"another name", get("/other"), []check{body("group='other' seen=/other\n")}},
		{"global goes on", get("/"), []check{body("group='' seen=/ /empty /\n")}},
	})
}
