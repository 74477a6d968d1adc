package conformance_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// locations are places below "/", each with its own trusted proxies and headers. The
// client of these tests is 127.0.0.1.
func locations(places map[string][2]string) string {
	var b strings.Builder
	for path, keys := range places {
		fmt.Fprintf(&b, "[[location]]\npath = %q\ntrusted-proxies = [%s]\ntrusted-proxy-headers = [%s]\n",
			path, quotedList(keys[0]), quotedList(keys[1]))
	}
	return b.String()
}

func quotedList(words string) string {
	var list []string
	for word := range strings.FieldsSeq(words) {
		list = append(list, `"`+word+`"`)
	}
	return strings.Join(list, ", ")
}

// testProxyHeaders: the rules of mod_wsgi's WSGITrustedProxies and WSGITrustedProxyHeaders.
func testProxyHeaders(t *testing.T) {
	const all = "X-Forwarded-For X-Forwarded-Host X-Forwarded-Server X-Forwarded-Port X-Script-Name X-Forwarded-Proto"
	g := serve(t, config{app: "environ.py", more: locations(map[string][2]string{
		"/all":      {"127.0.0.1", all},
		"/chain":    {"127.0.0.1 10.0.0.0/8 2001:db8::/32", "X-Forwarded-For X-Forwarded-Proto"},
		"/stranger": {"192.0.2.1", all},
		"/real":     {"127.0.0.1", "X-Real-IP"},
		"/client":   {"127.0.0.1", "X-Client-IP"},
		"/host":     {"127.0.0.1", "X-Host"},
		"/script":   {"127.0.0.1", "X-Forwarded-Script-Name"},
	})})
	t.Run("client", func(t *testing.T) {
		play(t, g, []exchange{
			{"not listed", get("/", "X-Forwarded-For: 1.1.1.1"), []check{value("REMOTE_ADDR", "127.0.0.1"), value("HTTP_X_FORWARDED_FOR", "1.1.1.1")}},
			{"one address", get("/all", "X-Forwarded-For: 1.1.1.1"), []check{value("REMOTE_ADDR", "1.1.1.1")}},
			{"IPv6", get("/all", "X-Forwarded-For: 2001:db8::1"), []check{value("REMOTE_ADDR", "2001:db8::1")}},
			{"made up in front", get("/all", "X-Forwarded-For: 6.6.6.6, 1.1.1.1"), []check{value("REMOTE_ADDR", "1.1.1.1"), value("HTTP_X_FORWARDED_FOR", "1.1.1.1")}},
			{"two fields", get("/all", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1"), []check{value("REMOTE_ADDR", "1.1.1.1")}},
			{"empty items", get("/all", "X-Forwarded-For: , 1.1.1.1, ,"), []check{value("REMOTE_ADDR", "1.1.1.1")}},
			{"only empty items", get("/all", "X-Forwarded-For: , ,"), []check{value("REMOTE_ADDR", "127.0.0.1"), none("HTTP_X_FORWARDED_FOR")}},
			{"no address", get("/all", "X-Forwarded-For: nobody"), []check{value("REMOTE_ADDR", "127.0.0.1"), none("HTTP_X_FORWARDED_FOR")}},
			{"walk over proxies", get("/chain", "X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.1.2.3, 2001:db8::7"), []check{
				value("REMOTE_ADDR", "1.1.1.1"), value("HTTP_X_FORWARDED_FOR", "1.1.1.1, 10.1.2.3, 2001:db8::7"),
			}},
			{"all are proxies", get("/chain", "X-Forwarded-For: 10.0.0.1, 10.0.0.2"), []check{value("REMOTE_ADDR", "10.0.0.1")}},
			{"X-Real-IP", get("/real", "X-Real-IP: 3.3.3.3", "X-Forwarded-For: 1.1.1.1", "X-Client-IP: 2.2.2.2"), []check{
				value("REMOTE_ADDR", "3.3.3.3"), none("HTTP_X_FORWARDED_FOR", "HTTP_X_CLIENT_IP"),
			}},
			{"X-Client-IP", get("/client", "X-Client-IP: 2.2.2.2", "X-Forwarded-For: 1.1.1.1"), []check{value("REMOTE_ADDR", "2.2.2.2"), none("HTTP_X_FORWARDED_FOR")}},
		})
	})
	t.Run("stranger", func(t *testing.T) {
		fields := []string{
			"X-Forwarded-For: 1.1.1.1", "X-Real-IP: 1.1.1.1", "X-Forwarded-Host: evil", "X-Host: evil", "X-Forwarded-Server: evil",
			"X-Forwarded-Port: 1", "X-Script-Name: /evil", "X-Forwarded-Script-Name: /evil", "X-Forwarded-Proto: https", "X-Scheme: https", "X-HTTPS: on",
		}
		play(t, g, []exchange{{"believed nothing", get("/stranger", fields...), []check{
			value("REMOTE_ADDR", "127.0.0.1"), value("HTTP_HOST", "site.example"), value("SERVER_NAME", "site.example"),
			value("SCRIPT_NAME", ""), value("wsgi.url_scheme", "http"),
			none("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_HOST", "HTTP_X_HOST", "HTTP_X_FORWARDED_SERVER",
				"HTTP_X_FORWARDED_PORT", "HTTP_X_SCRIPT_NAME", "HTTP_X_FORWARDED_SCRIPT_NAME", "HTTP_X_FORWARDED_PROTO", "HTTP_X_SCHEME", "HTTP_X_HTTPS"),
		}}})
	})
	t.Run("server", func(t *testing.T) {
		play(t, g, []exchange{
			{"X-Forwarded-Host", get("/all", "X-Forwarded-Host: www.example:81", "X-Host: x"), []check{value("HTTP_HOST", "www.example:81"), none("HTTP_X_HOST")}},
			{"X-Host", get("/host", "X-Host: www.example"), []check{value("HTTP_HOST", "www.example")}},
			{"X-Forwarded-Server", get("/all", "X-Forwarded-Server: server.example"), []check{value("SERVER_NAME", "server.example")}},
			{"X-Forwarded-Port", get("/all", "X-Forwarded-Port: 8443"), []check{value("SERVER_PORT", "8443")}},
			{"no port", get("/all", "X-Forwarded-Port: many"), []check{none("HTTP_X_FORWARDED_PORT")}},
			{"no host", get("/all", "X-Forwarded-Host: a b"), []check{value("HTTP_HOST", "site.example"), none("HTTP_X_FORWARDED_HOST")}},
		})
	})
	t.Run("script name", func(t *testing.T) {
		play(t, g, []exchange{
			{"X-Script-Name", get("/all/x", "X-Script-Name: /shop"), []check{value("SCRIPT_NAME", "/shop"), value("PATH_INFO", "/all/x")}},
			{"slash at the end", get("/all/x", "X-Script-Name: /shop/"), []check{value("SCRIPT_NAME", "/shop")}},
			{"several slashes", get("/all/x", "X-Script-Name: //shop//a"), []check{value("SCRIPT_NAME", "/shop/a")}},
			{"relative", get("/all/x", "X-Script-Name: shop"), []check{value("SCRIPT_NAME", ""), none("HTTP_X_SCRIPT_NAME")}},
			{"X-Forwarded-Script-Name", get("/script", "X-Forwarded-Script-Name: /shop", "X-Script-Name: /other"), []check{value("SCRIPT_NAME", "/shop"), none("HTTP_X_SCRIPT_NAME")}},
		})
	})
}

// testHTTPS: wsgi.url_scheme is the only place that says https, and only a proxy that is
// trusted can make it say so.
func testHTTPS(t *testing.T) {
	places, exchanges := map[string][2]string{}, []exchange{
		{"plain", get("/"), []check{value("wsgi.url_scheme", "http"), none("HTTPS")}},
		{"field of a client", get("/", "HTTPS: on", "X-Forwarded-Proto: https"), []check{value("wsgi.url_scheme", "http"), none("HTTPS")}},
	}
	for name, words := range map[string]map[string]string{
		"X-Forwarded-Proto":  {"https": "https", "HTTPS": "https", "http": "http", "ftp": "http"},
		"X-Forwarded-Scheme": {"https": "https", "http": "http"},
		"X-Scheme":           {"https": "https", "http": "http"},
		"X-Forwarded-HTTPS":  {"on": "https", "On": "https", "true": "https", "1": "https", "off": "http", "0": "http", "https": "http"},
		"X-Forwarded-SSL":    {"on": "https", "off": "http"},
		"X-HTTPS":            {"1": "https", "false": "http"},
	} {
		path := "/" + name
		places[path] = [2]string{"127.0.0.1", name}
		for word, scheme := range words {
			exchanges = append(exchanges, exchange{name + " " + word, get(path, name+": "+word), []check{value("wsgi.url_scheme", scheme), none("HTTPS")}})
		}
	}
	places["/several"] = [2]string{"127.0.0.1", "X-Forwarded-Proto X-Forwarded-SSL"}
	places["/stranger"] = [2]string{"192.0.2.1", "X-Forwarded-Proto"}
	exchanges = append(exchanges,
		exchange{"the last listed counts", get("/several", "X-Forwarded-SSL: off", "X-Forwarded-Proto: https"), []check{value("wsgi.url_scheme", "http")}},
		exchange{"another one is not seen", get("/several", "X-Scheme: https", "X-HTTPS: on"), []check{value("wsgi.url_scheme", "http"), none("HTTP_X_SCHEME", "HTTP_X_HTTPS")}},
		exchange{"a stranger's", get("/stranger", "X-Forwarded-Proto: https"), []check{value("wsgi.url_scheme", "http"), none("HTTP_X_FORWARDED_PROTO")}},
	)
	play(t, serve(t, config{app: "environ.py", more: locations(places)}), exchanges)
	t.Run("TLS", func(t *testing.T) {
		g := serve(t, config{app: "environ.py", tls: true})
		_, port, err := net.SplitHostPort(g.address)
		if err != nil {
			t.Fatal(err)
		}
		play(t, g, []exchange{
			{"scheme", get("/"), []check{value("wsgi.url_scheme", "https"), none("HTTPS"), value("SERVER_PORT", port), value("SERVER_NAME", "site.example")}},
			{"field of a client", get("/", "X-Forwarded-Proto: http"), []check{value("wsgi.url_scheme", "https")}},
			{"body", request("POST", "/", "abc"), []check{status(200), value("CONTENT_LENGTH", "3")}},
		})
	})
}
