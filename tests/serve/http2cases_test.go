package serve_test

import (
	"strings"

	"golang.org/x/net/http2"
)

// frameCase is something wrong, and what RFC 9113 wants of a server that gets it.
type frameCase struct {
	section string // of RFC 9113
	name    string
	send    func(c *frames)
	want    string // see frames.outcome; "nothing" if it is to be passed over
}

// frameCases are errors in frames.
func frameCases() []frameCase {
	const (
		protocol    = "connection PROTOCOL_ERROR"
		size        = "connection FRAME_SIZE_ERROR"
		flow        = "connection FLOW_CONTROL_ERROR"
		compression = "connection COMPRESSION_ERROR"
	)
	frame := func(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) func(*frames) {
		return func(c *frames) { c.frame(kind, flags, stream, payload) }
	}
	// opened sends a frame for a stream that is open.
	opened := func(kind http2.FrameType, flags http2.Flags, payload string) func(*frames) {
		return func(c *frames) {
			c.headers(1, open, posting("/stream/upload")...)
			c.frame(kind, flags, 1, payload)
		}
	}
	return []frameCase{
		{"4.1", "unknown type of frame", frame(0x7f, 0xff, 3, "anything"), "nothing"},
		{"4.1", "reserved bit", func(c *frames) { c.headers(1<<31|1, ended, getting()...) }, "status 200 on 1"},
		{"4.2", "DATA larger than SETTINGS_MAX_FRAME_SIZE", opened(http2.FrameData, 0, strings.Repeat("x", 1<<20+1)), size},
		{"4.2", "HEADERS larger than that", frame(http2.FrameHeaders, ended, 1, strings.Repeat("x", 1<<20+1)), size},
		{"4.3", "header block that is none", frame(http2.FrameHeaders, ended, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"), compression},
		{"4.3", "index that the table has not", frame(http2.FrameHeaders, ended, 1, "\xbf"), compression},
		{"4.3", "header block that is cut off", frame(http2.FrameHeaders, ended, 1, "\x00\x05ab"), compression},
		{"4.3", "table larger than SETTINGS_HEADER_TABLE_SIZE", frame(http2.FrameHeaders, ended, 1, "\x3f\xe1\xff\x7f"), compression},
		{"5.1", "DATA on an idle stream", frame(http2.FrameData, 0, 1, "x"), protocol},
		{"5.1", "RST_STREAM on an idle stream", frame(http2.FrameRSTStream, 0, 1, word(8)), protocol},
		{"5.1", "WINDOW_UPDATE on an idle stream", frame(http2.FrameWindowUpdate, 0, 1, word(8)), protocol},
		{"5.1", "DATA on a half closed stream", func(c *frames) { c.stall(1); c.frame(http2.FrameData, 0, 1, "x") }, "stream 1 STREAM_CLOSED"},
		{"5.1", "HEADERS on a half closed stream", func(c *frames) { c.stall(1); c.headers(1, ended, getting()...) }, "stream 1 STREAM_CLOSED"},
		{"5.1", "WINDOW_UPDATE on a half closed stream", func(c *frames) { c.stall(1); c.frame(http2.FrameWindowUpdate, 0, 1, word(1)) }, "nothing"},
		{"5.1.1", "even stream", func(c *frames) { c.headers(2, ended, getting()...) }, protocol},
		{"5.1.1", "stream that goes down", func(c *frames) { c.headers(5, open, posting("/stream/upload")...); c.headers(3, ended, getting()...) }, protocol},
		{"5.1.2", "more streams than SETTINGS_MAX_CONCURRENT_STREAMS", func(c *frames) {
			for i := range uint32(129) {
				c.headers(2*i+1, open, posting("/stream/upload")...)
			}
		}, "stream 257 PROTOCOL_ERROR"},
		{"5.3.1", "HEADERS that depend on themselves (RFC 7540)", func(c *frames) {
			c.frame(http2.FrameHeaders, ended|http2.FlagHeadersPriority, 1, word(1)+"\x00"+c.encode(getting()...))
		}, "stream 1 PROTOCOL_ERROR"},
		{"5.3.1", "PRIORITY that depends on itself (RFC 7540)", opened(http2.FramePriority, 0, word(1)+"\x00"), "stream 1 PROTOCOL_ERROR"},
		{"6.1", "DATA on stream 0", frame(http2.FrameData, 0, 0, "x"), protocol},
		{"6.1", "DATA with more padding than there is", opened(http2.FrameData, http2.FlagDataPadded, "\x09x"), protocol},
		{"6.2", "HEADERS on stream 0", func(c *frames) { c.headers(0, ended, getting()...) }, protocol},
		// Go's server leaves it at an error of the stream; nothing of the frame is used.
		{"6.2", "HEADERS with more padding than there is", frame(http2.FrameHeaders, ended|http2.FlagHeadersPadded, 1, "\x40\x82"), "stream 1 PROTOCOL_ERROR"},
		{"6.3", "PRIORITY on stream 0", frame(http2.FramePriority, 0, 0, word(1)+"\x00"), protocol},
		{"6.3", "PRIORITY of the wrong length", opened(http2.FramePriority, 0, word(3)), size},
		{"6.4", "RST_STREAM on stream 0", frame(http2.FrameRSTStream, 0, 0, word(8)), protocol},
		{"6.4", "RST_STREAM of the wrong length", opened(http2.FrameRSTStream, 0, "abc"), size},
		{"6.5", "SETTINGS on a stream", frame(http2.FrameSettings, 0, 1, ""), protocol},
		{"6.5", "SETTINGS of the wrong length", frame(http2.FrameSettings, 0, 0, "abc"), size},
		{"6.5", "acknowledged SETTINGS with a payload", frame(http2.FrameSettings, http2.FlagSettingsAck, 0, setting(http2.SettingEnablePush, 0)), size},
		{"6.5.2", "SETTINGS_ENABLE_PUSH of 2", frame(http2.FrameSettings, 0, 0, setting(http2.SettingEnablePush, 2)), protocol},
		{"6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE of 2^31", frame(http2.FrameSettings, 0, 0, setting(http2.SettingInitialWindowSize, 1<<31)), flow},
		{"6.5.2", "SETTINGS_MAX_FRAME_SIZE of 2^14-1", frame(http2.FrameSettings, 0, 0, setting(http2.SettingMaxFrameSize, 1<<14-1)), protocol},
		{"6.5.2", "SETTINGS_MAX_FRAME_SIZE of 2^24", frame(http2.FrameSettings, 0, 0, setting(http2.SettingMaxFrameSize, 1<<24)), protocol},
		{"6.5.2", "unknown setting", frame(http2.FrameSettings, 0, 0, setting(0xff, 1)), "nothing"},
		{"6.6", "PUSH_PROMISE", opened(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, word(2)), protocol},
		{"6.7", "PING on a stream", frame(http2.FramePing, 0, 1, "12345678"), protocol},
		{"6.7", "PING of the wrong length", frame(http2.FramePing, 0, 0, "1234567"), size},
		{"6.8", "GOAWAY on a stream", frame(http2.FrameGoAway, 0, 1, word(0)+word(0)), protocol},
		{"6.9", "WINDOW_UPDATE of the wrong length", frame(http2.FrameWindowUpdate, 0, 0, "abc"), size},
		{"6.9", "WINDOW_UPDATE of 0 on the connection", frame(http2.FrameWindowUpdate, 0, 0, word(0)), protocol},
		{"6.9", "WINDOW_UPDATE of 0 on a stream", opened(http2.FrameWindowUpdate, 0, word(0)), "stream 1 PROTOCOL_ERROR"},
		{"6.9.1", "window of the connection above 2^31-1", frame(http2.FrameWindowUpdate, 0, 0, word(1<<31-1)), flow},
		{"6.9.1", "window of a stream above 2^31-1", opened(http2.FrameWindowUpdate, 0, word(1<<31-1)), "stream 1 FLOW_CONTROL_ERROR"},
		{"6.9.2", "settings that have a window above 2^31-1", func(c *frames) {
			c.stall(1)
			c.frame(http2.FrameWindowUpdate, 0, 1, word(1))
			c.headers(3, open, posting("/stream/upload")...)
			c.frame(http2.FrameWindowUpdate, 0, 3, word(1<<30))
			c.frame(http2.FrameSettings, 0, 0, setting(http2.SettingInitialWindowSize, 1<<31-1))
		}, flow},
		{"6.10", "CONTINUATION of nothing", frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, ""), protocol},
		{"6.10", "another frame amid a header block", func(c *frames) {
			c.frame(http2.FrameHeaders, http2.FlagHeadersEndStream, 1, c.encode(getting()...))
			c.frame(http2.FramePing, 0, 0, "12345678")
		}, protocol},
		{"6.10", "CONTINUATION of another stream", func(c *frames) {
			c.frame(http2.FrameHeaders, http2.FlagHeadersEndStream, 1, c.encode(getting()...))
			c.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 3, "")
		}, protocol},
		{"10.5.1", "CONTINUATION without end", func(c *frames) {
			c.frame(http2.FrameHeaders, http2.FlagHeadersEndStream, 1, c.encode(getting()...))
			for range 200 {
				c.frame(http2.FrameContinuation, 0, 1, c.encode("x", strings.Repeat("y", 8000)))
			}
		}, protocol},
	}
}

// messageCases are requests that are malformed, each on stream 1. They never reach an
// application; where an answer is allowed before the error (RFC 9113, 8.1.1) there is one.
func messageCases() []frameCase {
	const (
		malformed = "stream 1 PROTOCOL_ERROR"
		refused   = "status 400 on 1"
	)
	request := func(fields ...string) func(*frames) { return func(c *frames) { c.headers(1, ended, fields...) } }
	with := func(more ...string) func(*frames) { return request(getting(more...)...) }
	path := func(p string) func(*frames) {
		return request(":method", "GET", ":scheme", "https", ":path", p, ":authority", "a.example")
	}
	authority := func(a string, more ...string) func(*frames) {
		return request(append([]string{":method", "GET", ":scheme", "https", ":path", "/", ":authority", a}, more...)...)
	}
	method := func(m string) func(*frames) {
		return request(":method", m, ":scheme", "https", ":path", "/", ":authority", "a.example")
	}
	body := func(length, sent string) func(*frames) {
		return func(c *frames) {
			c.headers(1, open, posting("/stream/upload", "content-length", length)...)
			c.frame(http2.FrameData, http2.FlagDataEndStream, 1, sent)
		}
	}
	return []frameCase{
		{"8.1", "trailers that do not end the stream", func(c *frames) {
			c.headers(1, open, posting("/stream/upload")...)
			c.headers(1, open, "x", "y")
		}, malformed},
		{"8.1.1", "more than Content-Length", body("1", "ab"), malformed},
		// Go's server resets the stream by its handler, with this code.
		{"8.1.1", "less than Content-Length", body("3", "ab"), "stream 1 INTERNAL_ERROR"},
		{"8.1.1", "Content-Length without a body", with("content-length", "3"), refused},
		{"8.1.1", "two lengths", func(c *frames) {
			c.headers(1, open, posting("/stream/upload", "content-length", "2", "content-length", "3")...)
		}, refused},
		{"8.1.1", "length that is no number", func(c *frames) {
			c.headers(1, open, posting("/stream/upload", "content-length", "+2")...)
		}, refused},
		{"8.2.1", "upper case", with("X-Upper", "y"), malformed},
		{"8.2.1", "blank in a name", with("x y", "z"), malformed},
		{"8.2.1", "colon in a name", with("x:y", "z"), malformed},
		{"8.2.1", "empty name", with("", "z"), malformed},
		{"8.2.1", "line ends in a name", with("x\r\ny", "z"), malformed},
		{"8.2.1", "line ends in a value", with("x", "y\r\nhost: b.example"), malformed},
		{"8.2.1", "line feed in a value", with("x", "y\nz"), malformed},
		{"8.2.1", "NUL in a value", with("x", "y\x00"), malformed},
		{"8.2.1", "blank before a value", with("x", " y"), refused},
		{"8.2.1", "tab after a value", with("x", "y\t"), refused},
		{"8.2.2", "connection", with("connection", "close"), refused},
		{"8.2.2", "keep-alive", with("keep-alive", "timeout=5"), refused},
		{"8.2.2", "proxy-connection", with("proxy-connection", "keep-alive"), refused},
		{"8.2.2", "transfer-encoding", with("transfer-encoding", "chunked"), refused},
		{"8.2.2", "upgrade", with("upgrade", "websocket"), refused},
		{"8.2.2", "te: gzip", with("te", "gzip"), refused},
		{"8.2.2", "te: trailers", with("te", "trailers"), "status 200 on 1"},
		{"8.3", "unknown pseudo-header", with(":test", "x"), malformed},
		{"8.3", "pseudo-header of a response", with(":status", "200"), malformed},
		{"8.3", "pseudo-header after a field", request(":method", "GET", ":scheme", "https", "x", "y", ":path", "/"), malformed},
		{"8.3", "pseudo-header in trailers", func(c *frames) {
			c.headers(1, open, posting("/stream/upload")...)
			c.headers(1, ended, ":path", "/")
		}, malformed},
		{"8.3.1", "no :method", request(":scheme", "https", ":path", "/", ":authority", "a.example"), malformed},
		{"8.3.1", "no :scheme", request(":method", "GET", ":path", "/", ":authority", "a.example"), malformed},
		{"8.3.1", "no :path", request(":method", "GET", ":scheme", "https", ":authority", "a.example"), malformed},
		{"8.3.1", "two :method", with(":method", "GET"), malformed},
		{"8.3.1", "two :path", with(":path", "/"), malformed},
		{"8.3.1", "two :authority", with(":authority", "a.example"), malformed},
		{"8.3.1", "no authority", request(":method", "GET", ":scheme", "https", ":path", "/"), refused},
		{"8.3.1", "Host in its place", request(":method", "GET", ":scheme", "https", ":path", "/", "host", "a.example"), "status 200 on 1"},
		{"8.3.1", "Host that says the same", with("host", "a.example"), "status 200 on 1"},
		{"8.3.1", "Host that says something else", with("host", "b.example"), refused},
		{"8.3.1", "two Host", request(":method", "GET", ":scheme", "https", ":path", "/", "host", "a.example", "host", "b.example"), refused},
		{"8.3.1", "user in the authority", authority("joe@a.example"), malformed},
		{"8.3.1", "blank in the authority", authority("a.example b"), refused},
		{"8.3.1", "slash in the authority", authority("a.example/x"), refused},
		{"8.3.1", "letters outside ASCII in the authority", authority("b\u00fccher.example"), refused},
		{"8.3.1", "empty :path", path(""), malformed},
		{"8.3.1", ":path without a slash", path("x"), malformed},
		{"8.3.1", ":path with a scheme", path("http://b.example/"), refused},
		{"8.3.1", ":path with a blank", path("/x y"), refused},
		{"8.3.1", ":path with another request line", path("/?x HTTP/1.1\r\nHost: b.example\r\n\r\nGET /y"), malformed},
		{"8.3.1", ":path with a version", path("/?x HTTP/1.1"), refused},
		{"8.3.1", ":path with a fragment", path("/x#y"), refused},
		{"8.3.1", ":path with a NUL", path("/x%00"), refused},
		{"8.3.1", ":path * of GET", path("*"), refused},
		{"8.3.1", ":path with two slashes", path("//b.example/x"), "status 200 on 1"},
		{"9.1", ":method with a blank", method("GET /y"), refused},
		{"9.1", ":method that is no token", method("G(T"), refused},
		{"8.5", "CONNECT", request(":method", "CONNECT", ":authority", "a.example:80"), "status 501 on 1"},
		{"8.5", "CONNECT with a path", request(":method", "CONNECT", ":path", "/", ":scheme", "https", ":authority", "a.example:80"), malformed},
		{"8.5", "extended CONNECT, which was not offered", request(":method", "CONNECT", ":protocol", "websocket", ":path", "/", ":scheme", "https", ":authority", "a.example"), malformed},
		{"10.5.1", "header list that is too large", func(c *frames) {
			fields := getting()
			for i := range 17 { // more than limit-request-head-size has it
				fields = append(fields, "x", strings.Repeat(string(rune('a'+i)), 4000))
			}
			c.headers(1, ended, fields...)
		}, "status 431 on 1"},
	}
}
