"""Access control: whether a request may reach the application.

The front end says by which rule a request is to be admitted, in the environ of
just those requests that have one. What decides are functions of scripts that the
process has loaded when it started, never a file that a request names. They run in
the thread of the request and before the application; the answer to a request
that is not admitted is made by the front end.
"""

from binascii import a2b_base64, b2a_base64

from _wsgid import application, lazy

# Keys of the environ that are for this module alone; no application sees them.
RULE, CREDENTIALS, SECRET, METHOD = 'wsgid.access', 'wsgid.authorization', 'wsgid.nonce-key', 'wsgid.method'

# What of the environ a script is not shown besides: reading the body is for the
# application.
HIDDEN = (RULE, CREDENTIALS, SECRET, METHOD, 'wsgi.input', 'wsgi.file_wrapper')

# Seconds after which a client asks again that came between two configurations.
RETRY = '1'


class Malformed(Exception):
    """Credentials that say nothing."""


class Wrong(Malformed):
    """Credentials that are not good."""


class Misdirected(Exception):
    """Credentials for another request."""


class Stale(Exception):
    """Good credentials with a nonce that is not good any more."""


def quote(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')


class Basic:
    """The scheme of RFC 7617: name and password with every request."""

    name = 'Basic'

    def __init__(self, realm, function):
        self.realm = realm
        self.check_password = function

    def challenge(self, environ, stale):
        return 'Basic realm=%s, charset="UTF-8"' % quote(self.realm)

    def user(self, text, environ, shown):
        """The user whose credentials these are; raises what is wrong with them."""
        name, password = split(text)
        found = self.check_password(shown, name, password)
        if found is True:
            return name
        if found is None:
            raise Wrong('user %r is not known' % name)
        if found is False:
            raise Wrong('the password of user %r is wrong' % name)
        if type(found) is not str or not found or has_control(found):
            # The value may be a secret.
            raise TypeError('check_password() must return True, False, None or the name of a user, not %s'
                            % (type(found).__name__ if type(found) is not str else 'an unusable name'))
        return found


def split(text):
    """Name and password (RFC 7617, section 2)."""
    try:
        data = a2b_base64(text)
        # What decodes and encodes to something else had characters that mean nothing.
        if b2a_base64(data, newline=False) != text.encode('ascii'):
            raise Malformed('the credentials are not base64')
        name, colon, password = data.decode('utf-8').partition(':')
    except ValueError:
        raise Malformed('the credentials are not base64 of UTF-8') from None
    if not colon or has_control(name) or has_control(password):
        raise Malformed('the credentials are no user name and password')
    return name, password


def has_control(text):
    return any(char < ' ' or char == '\x7f' for char in text)


class Rule:
    """What a request must meet, from the text that the front end sends: lines
    of words that tabs separate, as units/site writes them."""

    def __init__(self, text, functions):
        self.allow_access = None
        self.scheme = None
        self.groups_for_user = None
        self.open = self.closed = self.any_user = self.authoritative = False
        self.users, self.groups = set(), set()
        realm = ''
        for line in text.encode('latin-1').decode('utf-8').split('\n'):
            word, *rest = line.split('\t')
            if word == 'access':
                self.allow_access = functions['allow_access', rest[0]]
            elif word == 'name':
                realm = rest[0]
            elif word == 'basic':
                self.scheme = Basic(realm, functions['check_password', rest[0]])
            elif word == 'digest':
                self.scheme = lazy.load('access_digest').Digest(realm, functions['get_realm_hash', rest[0]])
            elif word == 'groups':
                self.groups_for_user = functions['groups_for_user', rest[0]]
            elif word == 'user':
                self.users.update(rest)
            elif word == 'group':
                self.groups.update(rest)
            elif word in ('open', 'closed', 'any-user', 'authoritative'):
                setattr(self, word.replace('-', '_'), True)
            else:
                raise LookupError(word)
        if not (self.allow_access or self.scheme or self.open or self.closed):
            raise LookupError(text)

    def permits(self, user, shown):
        """Whether the user may have what the credentials were asked for."""
        if not (self.groups and self.authoritative) and (self.any_user or user in self.users):
            return True
        return bool(self.groups) and not self.groups.isdisjoint(self.groups_of(user, shown))

    def groups_of(self, user, shown):
        found = self.groups_for_user(shown, user)
        if type(found) in (str, bytes):
            raise TypeError('groups_for_user() must return the names of groups in a list or the like, not %r' % found)
        groups = list(found)
        for group in groups:
            if type(group) is not str:
                raise TypeError('groups_for_user() must return names as str, not %r' % (group,))
        return groups


class Guards:
    """The rules of a process, and the functions that they call."""

    def __init__(self, process):
        self.process = process
        self.functions = {}     # (function's name, file as the rules name it) -> function
        self.rules = {}         # text -> Rule

    def load(self, config):
        """Load the scripts; raise what loading them raises."""
        modules = {}
        for line in config.split('\n') if config else ():
            function, path, file = line.split('\t')
            if file not in modules:
                modules[file] = application.load_script(file)
            found = getattr(modules[file], function, None)
            if not callable(found):
                raise LookupError('there is no function %s() in %s, which access control needs' % (function, path))
            self.functions[function, path] = found
            if function == 'get_realm_hash':
                lazy.load('access_digest').md5('')  # now, not when somebody asks

    def rule(self, text):
        rule = self.rules.get(text)
        if rule is None:
            # A front end that went by the site file of a moment ago may ask for a
            # script that is gone. There are only so many rules in a site file.
            rule = self.rules[text] = Rule(text, self.functions)
        return rule

    def admit(self, environ, exchange):
        """Whether the application may have the request; if not, it is refused.
        Raises what a script raises."""
        text, credentials = environ.pop(RULE), environ.pop(CREDENTIALS, '')
        try:
            rule = self.rule(text)
        except (LookupError, ValueError):
            self.process.log('error', environ.get('mod_wsgi.request_id', ''),
                             'access: this process does not know the rule of the request; the site file has changed: reload the site')
            exchange.refuse(503, ('Retry-After', RETRY))
            return False
        shown = {key: value for key, value in environ.items() if key not in HIDDEN}
        try:
            return self.judge(rule, credentials, environ, shown, exchange)
        finally:
            environ.pop(SECRET, None)
            environ.pop(METHOD, None)

    def judge(self, rule, credentials, environ, shown, exchange):
        if rule.allow_access is not None and not allowed(rule.allow_access, shown):
            return self.refuse(exchange, environ, 403, 'allow_access() denies it')
        if rule.open:
            return True
        if rule.closed:
            return self.refuse(exchange, environ, 403, 'require says all denied')
        scheme = rule.scheme
        if scheme is None:
            return True
        kind, _, text = credentials.partition(' ')
        if kind.lower() != scheme.name.lower():
            # Nobody has tried anything yet: nothing to log.
            exchange.refuse(401, ('WWW-Authenticate', challenge(scheme, environ, False)))
            return False
        try:
            user = scheme.user(text.strip(' '), environ, shown)
            if rule.permits(user, shown):
                environ['REMOTE_USER'] = user.encode('utf-8').decode('latin-1')
                environ['AUTH_TYPE'] = scheme.name
                exchange.identify(user)
                return True
            why = 'user %r is none of those that require names' % user
        except Misdirected as err:
            return self.refuse(exchange, environ, 400, str(err))
        except Stale:
            exchange.refuse(401, ('WWW-Authenticate', challenge(scheme, environ, True)))
            return False
        except Malformed as err:
            why = str(err)
        # As with Apache httpd a user without the right may come again as another.
        return self.refuse(exchange, environ, 401, why, ('WWW-Authenticate', challenge(scheme, environ, False)))

    def refuse(self, exchange, environ, status, why, *fields):
        """Refuse a request and say so in the log, for those who look for attacks
        there."""
        self.process.log('warning', environ.get('mod_wsgi.request_id', ''),
                         'access: %s from %s for %s: %s' % (status, environ.get('REMOTE_ADDR') or 'a UNIX socket', where(environ), why))
        exchange.refuse(status, *fields)
        return False


def challenge(scheme, environ, stale):
    """A field value; names that are not ASCII go as UTF-8."""
    return scheme.challenge(environ, stale).encode('utf-8').decode('latin-1')


def where(environ):
    """Method and path; a query may hold what is not for a log."""
    return environ['REQUEST_METHOD'] + ' ' + environ.get('REQUEST_URI', '').partition('?')[0]


def allowed(function, shown):
    """What allow_access() says of the client; None leaves it to the site file."""
    found = function(shown, shown.get('REMOTE_ADDR', ''))
    if found is None or found is True or found is False:
        return found is not False
    raise TypeError('allow_access() must return True, False or None, not %r' % (found,))
