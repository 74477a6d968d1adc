"""Who may come, for the tests of access control: WSGIAccessScript,
WSGIAuthUserScript and WSGIAuthGroupScript in one file.

The users are anna, who is of the staff, and björn; their passwords are "s3cret"
and "pässwort". The names raise, wrong and renamed are for what a script may do
besides. A client from 192.0.2.0/24 is not let in, nor is one with the cookie no.
"""

import hashlib

PASSWORDS = {"anna": "s3cret", "björn": "pässwort"}


def allow_access(environ, host):
    if environ.get("HTTP_COOKIE") == "no":
        return False
    return None if host.startswith("127.") else not host.startswith("192.0.2.")


def check_password(environ, user, password):
    if user == "raise":
        raise RuntimeError("the users cannot be asked")
    if user == "wrong":
        return 1
    if user == "renamed":
        return "anna"
    if user not in PASSWORDS:
        return None
    return PASSWORDS[user] == password


def get_realm_hash(environ, user, realm):
    if user in PASSWORDS:
        return hashlib.md5(("%s:%s:%s" % (user, realm, PASSWORDS[user])).encode()).hexdigest()
    return None


def groups_for_user(environ, user):
    return ["staff"] if user == "anna" else []
