"""Digest access authentication, RFC 7616, as far as get_realm_hash() allows:
MD5, qop=auth.

A nonce is a time with a keyed hash of it. The key comes from the front end, so that
each process of the group knows the nonces of all, those of earlier generations
included; nothing is kept about them. Within its life a nonce may be used again
with any count, as by default with Apache httpd: whoever can read a request can
repeat that request for so long, and no other.
"""

import time

from _wsgid.access import Malformed, Misdirected, Stale, Wrong, has_control, quote

# Seconds that a nonce is good for, as with Apache httpd; after it the client gets
# another and asks again, without its user noticing.
LIFETIME = 300


def md5(text):
    from hashlib import md5
    try:
        return md5(text.encode('latin-1'), usedforsecurity=False).hexdigest()
    except ValueError:
        raise OSError('auth-type "digest" needs MD5, which this system does not have: use "basic" over TLS') from None


class Digest:
    """The scheme of RFC 7616: a password never travels, only what is made with it."""

    name = 'Digest'

    def __init__(self, realm, function):
        self.realm = realm
        self.get_realm_hash = function
        # Not at the top: the processes of most sites do without.
        import hmac
        import re
        self.hmac = hmac
        self.parameter = re.compile(r'\s*([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+))\s*(?:,|$)', re.DOTALL)
        self.unescape = re.compile(r'\\(.)', re.DOTALL)
        self.hash = re.compile('[0-9A-Fa-f]{32}').fullmatch
        self.count = re.compile('[0-9A-Fa-f]{8}').fullmatch

    def challenge(self, environ, stale):
        return 'Digest realm=%s, nonce="%s", algorithm=MD5, qop="auth", charset=UTF-8%s' % (
            quote(self.realm), self.nonce(environ, '%012x' % int(time.time() * 1000)), ', stale=true' if stale else '')

    def nonce(self, environ, stamp):
        key = bytes.fromhex(environ['wsgid.nonce-key'])
        text = (stamp + ':' + self.realm).encode('utf-8')
        return stamp + self.hmac.new(key, text, 'sha256').hexdigest()[:40]

    def fresh(self, environ, nonce):
        """Whether the nonce was made here, at most LIFETIME ago."""
        stamp = nonce[:12]
        if not self.same(self.nonce(environ, stamp), nonce):
            return False
        return -1 <= time.time() - int(stamp, 16) / 1000 <= LIFETIME

    def same(self, one, other):
        """Equal, found out in a time that does not depend on where they differ."""
        return self.hmac.compare_digest(one.encode('latin-1', 'replace'), other.encode('latin-1', 'replace'))

    def parameters(self, text):
        found, at = {}, 0
        while at < len(text):
            match = self.parameter.match(text, at)
            if match is None or match[1].lower() in found:
                raise Malformed('the credentials are not parameters of Digest')
            found[match[1].lower()] = match[3] if match[2] is None else self.unescape.sub(r'\1', match[2])
            at = match.end()
        return found

    def user(self, text, environ, shown):
        """The user whose credentials these are; raises what is wrong with them."""
        given = self.parameters(text)
        name = self.user_name(given)
        self.check_form(given)
        if not same_target(given['uri'], environ['REQUEST_URI']):
            raise Misdirected('the credentials of user %r are for another URI' % name)
        known = self.realm_hash(name, shown)
        if known is None:
            raise Wrong('user %r is not known' % name)
        # What the client said: the application may be shown GET for HEAD.
        request = md5(environ['wsgid.method'] + ':' + given['uri'])
        wanted = md5(':'.join((known, given['nonce'], given['nc'], given['cnonce'], 'auth', request)))
        if not self.same(wanted, given['response'].lower()):
            raise Wrong('the password of user %r is wrong' % name)
        # Last: only who knows the password is told that just the nonce is old.
        if not self.fresh(environ, given['nonce']):
            raise Stale
        return name

    def user_name(self, given):
        """The name, whichever way it is written (RFC 7616, section 3.4)."""
        try:
            extended = given.get('username*')
            if extended is None:
                name = given['username'].encode('latin-1').decode('utf-8')
            else:
                if 'username' in given or extended[:7].lower() != "utf-8''":
                    raise Malformed('the credentials name no user')
                from urllib.parse import unquote_to_bytes
                name = unquote_to_bytes(extended[7:]).decode('utf-8')
        except (KeyError, UnicodeError):
            raise Malformed('the credentials name no user') from None
        if has_control(name):
            raise Malformed('the credentials name no user')
        return name

    def check_form(self, given):
        missing = [name for name in ('realm', 'nonce', 'uri', 'response', 'qop', 'nc', 'cnonce') if not given.get(name)]
        if missing:
            raise Malformed('the credentials lack ' + ', '.join(missing))
        if given['realm'] != self.realm.encode('utf-8').decode('latin-1'):
            raise Malformed('the credentials are for another realm')
        if given['qop'] != 'auth' or given.get('algorithm', 'MD5').upper() != 'MD5' or given.get('userhash', 'false').lower() != 'false':
            raise Malformed('the credentials are made in a way that was not asked for')
        if not self.count(given['nc']) or not self.hash(given['response']):
            raise Malformed('the credentials are not parameters of Digest')

    def realm_hash(self, name, shown):
        found = self.get_realm_hash(shown, name, self.realm)
        if found is None or type(found) is str and self.hash(found):
            return found and found.lower()
        raise TypeError('get_realm_hash() must return None or the MD5 hash of user:realm:password as 32 hexadecimal digits, not %s'
                        % (type(found).__name__ if type(found) is not str else 'another str'))


def same_target(uri, target):
    """Whether a uri means the target of the request. Clients of a proxy may write
    it in full."""
    if uri == target:
        return True
    scheme, colon, rest = uri.partition('://')
    if not colon or scheme.lower() not in ('http', 'https'):
        return False
    host, slash, path = rest.partition('/')
    return slash + path == target or not slash and target == '/'
