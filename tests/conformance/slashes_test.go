package conformance_test

import "testing"

// testSlashCollapse: several slashes are one in SCRIPT_NAME and PATH_INFO, as in mod_wsgi;
// REQUEST_URI has what was asked for.
func testSlashCollapse(t *testing.T) {
	play(t, serve(t, config{app: "environ.py"}), []exchange{
		{"inside", get("/a//b"), []check{value("PATH_INFO", "/a/b"), value("REQUEST_URI", "/a//b")}},
		{"at the beginning", get("//a"), []check{value("PATH_INFO", "/a"), value("REQUEST_URI", "//a")}},
		{"at the end", get("/a//"), []check{value("PATH_INFO", "/a/"), value("REQUEST_URI", "/a//")}},
		{"many", get("///a////b///"), []check{value("PATH_INFO", "/a/b/")}},
		{"encoded", get("/a%2F%2Fb"), []check{value("PATH_INFO", "/a/b"), value("REQUEST_URI", "/a%2F%2Fb")}},
		{"in the query", get("/a?b//c"), []check{value("PATH_INFO", "/a"), value("QUERY_STRING", "b//c")}},
	})
	play(t, serve(t, config{app: "environ.py", path: "/app/api"}), []exchange{
		{"in the mount", get("/app//api/x"), []check{value("SCRIPT_NAME", "/app/api"), value("PATH_INFO", "/x"), value("REQUEST_URI", "/app//api/x")}},
		{"before the mount", get("//app/api"), []check{value("SCRIPT_NAME", "/app/api"), value("PATH_INFO", "")}},
		{"behind the mount", get("/app/api//x"), []check{value("SCRIPT_NAME", "/app/api"), value("PATH_INFO", "/x")}},
		{"around the mount", get("///app///api///"), []check{value("SCRIPT_NAME", "/app/api"), value("PATH_INFO", "/")}},
	})
}
