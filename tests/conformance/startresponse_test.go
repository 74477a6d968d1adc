package conformance_test

import "testing"

// testStartResponse: PEP 3333 "The start_response() Callable" and "Error Handling". What
// a client is not to see of a bad call stands in the log, by the words that name it.
func testStartResponse(t *testing.T) {
	g := serve(t, config{app: "startresponse.py"})
	play(t, g, []exchange{
		{"plain", get("/plain"), []check{status(200), body("plain")}},
		{"own reason", get("/status_line?299%20Own%20Reason"), []check{status(299), body("answer")}},
		{"empty reason", get("/status_line?200%20"), []check{status(200), body("answer")}},
		{"error status", get("/status_line?404%20Not%20Found"), []check{status(404), body("answer")}},
		{"write", get("/write"), []check{status(200), body("one two three")}},
		{"write only", get("/only_write"), []check{status(200), body("written")}},
		{"write past Content-Length", get("/write_past_length"), []check{status(200), body("one t")}},
		{"replaced with exc_info", get("/replaced"), []check{status(503), body("replaced"), header("X-First")}},
		{"first call with exc_info", get("/first_with_exc_info"), []check{status(500), body("own page")}},
		{"exc_info None", get("/exc_info_of_none"), []check{status(200), body("plain")}},
		{"exc_info after the head", get("/exc_info_too_late"), []check{status(200), body("one"), cut}},
		{"exc_info is raised itself", get("/raised_again"), []check{status(200), body("one same")}},
		{"headers changed after the call", get("/headers_changed_later"), []check{status(200), header("X-Late")}},
		{"a bad call can be caught", get("/caught"), []check{status(200), body("ValueError")}},
	})
	for _, bad := range []struct{ name, target, logged string }{
		{"twice", "/twice", "start_response"},
		{"write text", "/write_text", "must be bytes, not str"},
		{"no arguments", "/no_arguments", "TypeError"},
		{"one argument", "/one_argument", "TypeError"},
		{"empty status", "/status_line?", "three digits"},
		{"status without reason", "/status_line?200", "three digits"},
		{"status of two digits", "/status_line?20%20OK", "three digits"},
		{"status of four digits", "/status_line?2000%20OK", "three digits"},
		{"status of letters", "/status_line?abc%20OK", "three digits"},
		{"interim status", "/status_line?103%20Early", "200 or above"},
		{"status with a line break", "/status_line?200%20OK%0AX-A:%20a", "control character"},
		{"status of bytes", "/status_of_bytes", "status must be a str, not bytes"},
		{"status of int", "/status_of_int", "status must be a str, not int"},
		{"headers of tuple", "/headers_of_tuple", "headers must be a list, not tuple"},
		{"headers of dict", "/headers_of_dict", "headers must be a list, not dict"},
		{"field of list", "/field_of_list", "must be a tuple"},
		{"field of three", "/field_of_three", "must be a tuple"},
		{"name of bytes", "/name_of_bytes", "must be str"},
		{"value of int", "/value_of_int", "must be str"},
		{"value of None", "/value_of_none", "must be str"},
		{"value beyond latin-1", "/value_beyond_latin1", "latin-1"},
	} {
		play(t, g, []exchange{{bad.name, get(bad.target), []check{errorPage(500), header("X-A")}}})
		t.Run(bad.name+" is logged", func(t *testing.T) { g.log.await(t, bad.logged) })
	}
	play(t, g, []exchange{{"afterwards", get("/plain"), []check{body("plain")}}})
}
