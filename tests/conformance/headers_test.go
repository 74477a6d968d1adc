package conformance_test

import (
	"fmt"
	"testing"
)

// testHeaders: response fields arrive as the application wrote them, or not at all.
func testHeaders(t *testing.T) {
	g := serve(t, config{app: "headers.py"})
	play(t, g, []exchange{
		{"one", get("/?X-One=1"), []check{header("X-One", "1"), header("Content-Type", "text/plain"), body("body\n")}},
		{"several", get("/?X-A=a&X-B=b&X-C=c"), []check{header("X-A", "a"), header("X-B", "b"), header("X-C", "c")}},
		{"repeated", get("/?X-A=1&X-B=-&X-A=2"), []check{header("X-A", "1", "2"), header("X-B", "-")}},
		{"cookies", get("/?Set-Cookie=a%3D1&Set-Cookie=b%3D2"), []check{header("Set-Cookie", "a=1", "b=2")}},
		{"challenges", get("/?WWW-Authenticate=Basic+realm%3D%22a%22&WWW-Authenticate=Digest+realm%3D%22b%22"), []check{
			header("WWW-Authenticate", `Basic realm="a"`, `Digest realm="b"`),
		}},
		{"empty value", get("/?X-Empty="), []check{header("X-Empty", "")}},
		{"latin-1", get("/?X-Caf=%E9"), []check{header("X-Caf", "\xe9")}},
		{"tab", get("/?X-Tab=a%09b"), []check{header("X-Tab", "a\tb")}},
		{"Content-Length", get("/?Content-Length=5"), []check{header("Content-Length", "5"), body("body\n")}},
		{"the application's Date", get("/?Date=Mon,+02+Jan+2006+15:04:05+GMT"), []check{header("Date", "Mon, 02 Jan 2006 15:04:05 GMT")}},
		{"25 fields", get("/many?25"), []check{manyFields(25)}},
		{"500 fields", get("/many?500"), []check{manyFields(500)}},
		{"Content-Length without sense", get("/?Content-Length=many"), []check{errorPage(500)}},
		{"negative Content-Length", get("/?Content-Length=-1"), []check{errorPage(500)}},
		{"line break", get("/?X-A=a%0D%0AX-B:+b"), []check{errorPage(500), header("X-A"), header("X-B")}},
		{"NUL", get("/?X-A=a%00b"), []check{errorPage(500), header("X-A")}},
		{"name with a space", get("/?X+A=a"), []check{errorPage(500)}},
		{"no name", get("/?=a"), []check{errorPage(500)}},
	})
}

func manyFields(n int) check {
	return func(r *reply) string {
		for i := range n {
			if fault := header(fmt.Sprint("X-Field-", i), fmt.Sprint(i))(r); fault != "" {
				return fault
			}
		}
		return ""
	}
}
