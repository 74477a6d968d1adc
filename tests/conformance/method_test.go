package conformance_test

import (
	"fmt"
	"testing"
)

// testMethod: every method reaches the application under its own name, with its body.
func testMethod(t *testing.T) {
	var exchanges []exchange
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		exchanges = append(exchanges,
			exchange{method, request(method, "/", ""), []check{status(200), header("X-Method", method), body(method + " ")}},
			exchange{method + " with a body", request(method, "/", "abc"), []check{status(200), body(method + " abc")}},
		)
	}
	exchanges = append(exchanges, exchange{"HEAD", request("HEAD", "/", ""), []check{
		status(200), header("X-Method", "HEAD"), header("Content-Length", fmt.Sprint(len("HEAD "))), body(""),
	}})
	playTwice(t, config{app: "method.py"}, exchanges)
	// The validator knows a list of methods only.
	t.Run("other", func(t *testing.T) {
		play(t, serve(t, config{app: "method.py"}), []exchange{
			{"BREW", request("BREW", "/", ""), []check{status(200), body("BREW ")}},
			{"lower case", request("get", "/", ""), []check{status(200), body("get ")}},
			{"no token", "G\"T / HTTP/1.1\r\nHost: h\r\n\r\n", []check{errorPage(400)}},
		})
	})
	t.Run("HEAD to GET", func(t *testing.T) {
		g := serve(t, config{app: "method.py", more: "[[location]]\npath = \"/on\"\nmap-head-to-get = \"on\"\n" +
			"[[location]]\npath = \"/off\"\nmap-head-to-get = \"off\"\n" +
			"[[location]]\npath = \"/compressed\"\ncompress = \"text/*\"\n"})
		play(t, g, []exchange{
			{"on", request("HEAD", "/on", ""), []check{status(200), header("X-Method", "GET"), header("Content-Length", fmt.Sprint(len("GET "))), body("")}},
			{"on, GET", get("/on"), []check{header("X-Method", "GET"), body("GET ")}},
			{"off", request("HEAD", "/off", ""), []check{status(200), header("X-Method", "HEAD"), body("")}},
			{"auto", request("HEAD", "/", ""), []check{status(200), header("X-Method", "HEAD"), body("")}},
			{"auto, compressed", request("HEAD", "/compressed", ""), []check{status(200), header("X-Method", "GET"), body("")}},
		})
	})
}
