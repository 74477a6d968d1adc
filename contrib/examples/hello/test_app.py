"""What app.py answers, under wsgiref's validator of PEP 3333."""

import io
import unittest
from unittest import mock
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import app


def call(path, method="GET", query="", body=b"", root=""):
    """The status, the headers and the body of the answer to a request."""
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": root, "PATH_INFO": path,
        "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    head = []

    def start_response(status, headers, exc_info=None):
        head[:] = status, dict(headers)
        return None

    answer = validator(app.application)(environ, start_response)
    try:
        content = b"".join(answer)
    finally:
        answer.close()
    return head[0], head[1], content.decode()


class Pages(unittest.TestCase):
    def test_index_shows_the_request(self):
        status, headers, content = call("/", query="a=<b>")
        self.assertEqual(status, "200 OK")
        self.assertEqual(int(headers["Content-Length"]), len(content.encode()))
        self.assertIn("<tr><th>QUERY_STRING<td>a=&lt;b&gt;", content)

    def test_links_keep_the_mount(self):
        _, _, content = call("/", root="/hello")
        self.assertIn('action="/hello/echo"', content)
        self.assertIn('href="/hello/stream"', content)

    def test_the_title_comes_from_the_environment(self):
        with mock.patch.dict("os.environ", GREETING="Good day"):
            self.assertIn("<h1>Good day</h1>", call("/")[2])

    def test_unknown_path(self):
        status, _, content = call("/gr\xc3\xbc\xc3\x9fe/<x>")
        self.assertEqual(status, "404 Not Found")
        self.assertIn("nothing at /grüße/&lt;x&gt;.", content)


class Echo(unittest.TestCase):
    def test_post(self):
        status, _, content = call("/echo", "POST", body=b"text=%3Cb%3E+Gr%C3%BC%C3%9Fe")
        self.assertEqual(status, "200 OK")
        self.assertIn("POST brought:", content)
        self.assertIn("<pre>&lt;b&gt; Grüße</pre>", content)

    def test_query(self):
        self.assertIn("<pre>one</pre>", call("/echo", query="text=one")[2])

    def test_long_form(self):
        status, _, _ = call("/echo", "POST", body=b"x" * (app.LONGEST_FORM + 1))
        self.assertEqual(status, "400 Bad Request")

    def test_form_that_is_not_utf8(self):
        self.assertEqual(call("/echo", "POST", body=b"text=\xff")[0], "400 Bad Request")


class Stream(unittest.TestCase):
    def test_every_line_comes(self):
        with mock.patch("time.sleep") as sleep:
            _, headers, content = call("/stream")
        self.assertNotIn("Content-Length", headers)
        self.assertEqual(len(content.splitlines()), app.STREAM_LINES)
        self.assertEqual(sleep.call_count, app.STREAM_LINES - 1)

    def test_head_waits_for_nothing(self):
        with mock.patch("time.sleep") as sleep:
            self.assertEqual(call("/stream", "HEAD")[2], "")
        sleep.assert_not_called()


if __name__ == "__main__":
    unittest.main()
