"""sites.py COUNT: have /etc/wsgi hold so many sites, the text of each from standard input."""

import pathlib
import sys

text = sys.stdin.read()
directory = pathlib.Path("/etc/wsgi")
for path in directory.glob("site*.toml"):
    path.unlink()
for number in range(int(sys.argv[1])):
    (directory / f"site{number:04}.toml").write_text(text)
