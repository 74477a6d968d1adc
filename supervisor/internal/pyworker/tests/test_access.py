"""Access control: what a rule admits, and what the client is told otherwise."""

import base64
import hashlib
import re
import shutil
import tempfile
import time
import types
import unittest
from pathlib import Path

from support import CONFIG, PATIENCE, Leader, Worker, wsgid

KEY = '00' * 32


def whoami(environ, start_response):
    start_response('200 OK', [('X-Type', environ.get('AUTH_TYPE', '-')), ('X-User', environ.get('REMOTE_USER', '-'))])
    return [b'admitted']


class AccessTest(unittest.TestCase):
    """A process whose scripts are given as text."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def script(self, text, name='auth.py'):
        path = self.directory / name
        path.write_text(text, encoding='utf-8')
        return str(path)

    def worker(self, application=whoami, **scripts):
        """A worker with the functions of these names, each alone in a script;
        rules call a script as the function is called."""
        worker = Worker(application)
        self.addCleanup(worker.close)
        lines = []
        for name, text in scripts.items():
            lines.append('\t'.join((name, name, self.script(text, name + '.wsgi'))))
        worker.process.guard().load('\n'.join(lines))
        return worker

    def ask(self, worker, *rule, credentials=None, method='GET', uri='/', **environ):
        """The answer to a request with a rule, whose lines hold words."""
        text = '\n'.join('\t'.join(line.split(' ')) for line in rule)
        if credentials is not None:
            environ['wsgid.authorization'] = credentials
        fields = {'REQUEST_METHOD': method, 'REQUEST_URI': uri, 'REMOTE_ADDR': '192.0.2.7', 'mod_wsgi.request_id': 'r1',
                  'wsgid.access': text, 'wsgid.nonce-key': KEY, 'wsgid.method': method, **environ}
        worker.front.request(**{name: value.encode('utf-8').decode('latin-1') for name, value in fields.items()})
        return worker.front.response()

    def admitted(self, answer):
        self.assertEqual(answer.body, b'admitted', (answer.refusal, answer.failure))
        return [value for _, value in answer.headers]

    def refused(self, answer, status):
        self.assertIsNotNone(answer.refusal, answer.failure or answer.body)
        self.assertEqual((answer.refusal[0], answer.body), (str(status), b''))
        return dict(answer.refusal[1])

    def failed(self, answer, text):
        self.assertIsNotNone(answer.failure, answer.refusal or answer.body)
        self.assertRegex(answer.failure, text)


class Loading(AccessTest):

    def guards(self, *lines):
        guards = wsgid.lazy.load('access').Guards(None)
        guards.load('\n'.join('\t'.join(line) for line in lines))
        return guards

    def test_one_file_once(self):
        path = self.script('import builtins\ncount = []\ndef allow_access(environ, host): return True\n'
                           'def check_password(environ, user, password): return True\n')
        guards = self.guards(('allow_access', '/as/named', path), ('check_password', '/as/named', path))
        both = guards.functions['allow_access', '/as/named'], guards.functions['check_password', '/as/named']
        self.assertIs(both[0].__globals__, both[1].__globals__)

    def test_two_files_of_one_name(self):
        paths = []
        for where in ('one', 'two'):
            (self.directory / where).mkdir()
            path = self.directory / where / 'auth.wsgi'
            path.write_text('def allow_access(environ, host): return %r\n' % where)
            paths.append(str(path))
        guards = self.guards(*(('allow_access', path, path) for path in paths))
        self.assertEqual([guards.functions['allow_access', path](None, None) for path in paths], ['one', 'two'])

    def test_without_function(self):
        path = self.script('check_password = 1\n')
        for function in ('check_password', 'groups_for_user'):
            with self.assertRaisesRegex(LookupError, r'no function %s\(\) in /as/named' % function):
                self.guards((function, '/as/named', path))

    def test_broken_script_fails_the_process(self):
        leader = Leader()
        self.addCleanup(leader.close)
        (self.directory / 'fine.py').write_text('def application(environ, start_response): pass\n')
        broken = self.script('import this_module_is_not_there\n', 'auth.wsgi')
        config = {**CONFIG, 'module': '', 'script': str(self.directory / 'fine.py'), 'access': 'allow_access\t%s\t%s' % (broken, broken)}
        process = wsgid.process.Process(leader.far, config)
        self.assertFalse(process.start())
        text = leader.expect('failed')[0][1]
        self.assertIn('this_module_is_not_there', text)
        self.assertIn('auth.wsgi", line 1', text)


class Host(AccessTest):

    def test_answers(self):
        seen = {}

        def allow_access(environ, host):
            seen.update(environ, host=host)
            return seen['answer']
        worker = self.worker()
        worker.process.guards.functions['allow_access', 's'] = allow_access
        for answer, wanted in ((True, 200), (None, 200), (False, 403), (1, 500), ('yes', 500)):
            seen['answer'] = answer
            with self.subTest(answer=answer):
                result = self.ask(worker, 'access s', uri='/secret?token=x', HTTP_COOKIE='c=1')
                if wanted == 200:
                    self.assertEqual(self.admitted(result), ['-', '-'])
                elif wanted == 403:
                    self.assertEqual(self.refused(result, 403), {})
                    self.assertEqual(worker.log(), ('warning', 'r1', 'access: 403 from 192.0.2.7 for GET /secret: allow_access() denies it'))
                else:
                    self.failed(result, r'TypeError: allow_access\(\) must return')
        self.assertEqual((seen['host'], seen['HTTP_COOKIE'], seen['REQUEST_METHOD']), ('192.0.2.7', 'c=1', 'GET'))
        hidden = {'wsgi.input', 'wsgi.file_wrapper', 'wsgid.access', 'wsgid.authorization', 'wsgid.nonce-key', 'wsgid.method'}
        self.assertEqual(hidden & set(seen), set())
        self.assertIn('wsgi.errors', seen)

    def test_before_credentials(self):
        worker = self.worker(allow_access='def allow_access(environ, host): return False\n',
                             check_password='def check_password(environ, user, password): raise AssertionError\n')
        answer = self.ask(worker, 'access allow_access', 'name r', 'basic check_password', 'any-user', credentials=basic('a', 'b'))
        self.refused(answer, 403)

    def test_script_changes_nothing_of_the_request(self):
        worker = self.worker(
            lambda environ, start_response: whoami({**environ, 'AUTH_TYPE': environ.get('X', 'clean')}, start_response),
            allow_access='def allow_access(environ, host): environ["X"] = "spoiled"\n')
        self.assertEqual(self.admitted(self.ask(worker, 'access allow_access')), ['clean', '-'])

    def test_application_sees_nothing_of_it(self):
        seen = {}

        def application(environ, start_response):
            seen.update(environ)
            return whoami(environ, start_response)
        worker = self.worker(application, check_password='def check_password(environ, user, password): return True\n')
        self.admitted(self.ask(worker, 'name r', 'basic check_password', 'any-user', credentials=basic('a', 'b')))
        self.assertEqual([name for name in seen if name.startswith('wsgid.')], [])
        self.assertIn('wsgi.input', seen)

    def test_exception(self):
        worker = self.worker(allow_access='def allow_access(environ, host): return 1 / 0\n')
        self.failed(self.ask(worker, 'access allow_access'), '^ZeroDivisionError: division by zero$')
        level, request, text = worker.log()
        self.assertEqual((level, request), ('error', 'r1'))
        self.assertIn('in allow_access', text)
        # The next request of the thread is served.
        self.assertEqual(self.admitted(self.ask(worker, 'open')), ['-', '-'])


class Rules(AccessTest):

    USERS = ('def check_password(environ, user, password): return password == "p"\n')
    GROUPS = ('def groups_for_user(environ, user):\n'
              '    return {"anna": ["staff", "admins"], "bert": ("staff",)}.get(user, ())\n')

    def test_table(self):
        worker = self.worker(check_password=self.USERS, groups_for_user=self.GROUPS)
        scheme = ('name r', 'basic check_password', 'groups groups_for_user')
        tests = (
            # rule, who may
            (('any-user',), 'anna bert carl'),
            (('user anna carl',), 'anna carl'),
            (('user anna', 'user bert'), 'anna bert'),
            (('group staff',), 'anna bert'),
            (('group admins',), 'anna'),
            (('group other admins',), 'anna'),
            (('user carl', 'group admins'), 'anna carl'),
            (('any-user', 'group admins'), 'anna bert carl'),
            (('any-user', 'group admins', 'authoritative'), 'anna'),
            (('user carl', 'group admins', 'authoritative'), 'anna'),
            (('user carl', 'authoritative'), 'carl'),
            ((), ''),
        )
        for rule, may in tests:
            for user in ('anna', 'bert', 'carl'):
                with self.subTest(rule=rule, user=user):
                    answer = self.ask(worker, *scheme, *rule, credentials=basic(user, 'p'))
                    self.assertEqual(answer.user, user if user in may.split() else None)
                    if user in may.split():
                        self.assertEqual(self.admitted(answer), ['Basic', user])
                    else:
                        self.assertIn('WWW-Authenticate', self.refused(answer, 401))
                        self.assertRegex(worker.log()[2], 'user %r is none of those' % user)

    def test_groups_are_asked_for_when_they_count(self):
        worker = self.worker(check_password=self.USERS, groups_for_user='def groups_for_user(environ, user): raise RuntimeError("asked")\n')
        rule = ('name r', 'basic check_password', 'groups groups_for_user', 'user anna', 'group staff')
        self.admitted(self.ask(worker, *rule, credentials=basic('anna', 'p')))
        self.failed(self.ask(worker, *rule, credentials=basic('bert', 'p')), 'RuntimeError: asked')
        self.failed(self.ask(worker, *rule, 'authoritative', credentials=basic('anna', 'p')), 'RuntimeError: asked')

    def test_groups_must_be_str(self):
        for result in ('"staff"', 'b"staff"', '[b"staff"]', '["staff", None]', 'None', '3'):
            with self.subTest(result=result):
                worker = self.worker(check_password=self.USERS, groups_for_user='def groups_for_user(environ, user): return %s\n' % result)
                self.failed(self.ask(worker, 'name r', 'basic check_password', 'groups groups_for_user', 'group staff',
                                     credentials=basic('anna', 'p')), '^TypeError: ')

    def test_groups_may_be_a_generator(self):
        worker = self.worker(check_password=self.USERS, groups_for_user='def groups_for_user(environ, user): yield "a"; yield "staff"\n')
        self.admitted(self.ask(worker, 'name r', 'basic check_password', 'groups groups_for_user', 'group staff',
                               credentials=basic('anna', 'p')))

    def test_open_and_closed(self):
        worker = self.worker(check_password='def check_password(environ, user, password): raise AssertionError\n',
                             allow_access='def allow_access(environ, host): return host == "192.0.2.7"\n')
        self.assertEqual(self.admitted(self.ask(worker, 'name r', 'basic check_password', 'open')), ['-', '-'])
        self.refused(self.ask(worker, 'access allow_access', 'open', REMOTE_ADDR='192.0.2.8'), 403)
        self.refused(self.ask(worker, 'name r', 'basic check_password', 'closed', credentials=basic('anna', 'p')), 403)

    def test_unknown_rule_admits_nobody(self):
        worker = self.worker(check_password=self.USERS)
        for rule in ('access elsewhere', 'digest check_password', 'opened', '', 'name \xff'):
            with self.subTest(rule=rule):
                self.assertEqual(self.refused(self.ask(worker, rule), 503), {'Retry-After': '1'})
                self.assertRegex(worker.log()[2], 'does not know the rule')

    def test_process_without_rules_admits_nobody(self):
        worker = Worker(whoami)
        self.addCleanup(worker.close)
        self.refused(self.ask(worker, 'access s'), 503)

    def test_interrupted_script(self):
        worker = self.worker(allow_access='began = []\ndef allow_access(environ, host):\n    began.append(1)\n    while True: pass\n')
        worker.process.raise_in = wsgid.interrupt.raiser()
        began = worker.process.guards.functions['allow_access', 'allow_access'].__globals__['began']
        worker.front.request(**{'REQUEST_METHOD': 'GET', 'REQUEST_URI': '/', 'mod_wsgi.request_id': 'r1', 'wsgid.access': 'access\tallow_access\nopen'})
        end = time.monotonic() + PATIENCE
        while not began:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        worker.process.interrupt(0, 'r1')
        answer = worker.front.response()
        self.failed(answer, 'mod_wsgi.RequestTimeout')
        self.assertEqual(answer.last.count, 504)

    def test_body_is_left_to_the_application(self):
        worker = self.worker(lambda environ, start_response: whoami({**environ, 'REMOTE_USER': environ['wsgi.input'].read().decode()}, start_response),
                             allow_access='def allow_access(environ, host): return True\n')
        worker.front.request(b'body', **{'REQUEST_METHOD': 'POST', 'REQUEST_URI': '/', 'wsgid.access': 'access\tallow_access'})
        self.assertEqual(self.admitted(worker.front.response()), ['-', 'body'])

    def test_deferred_body_of_a_refused_request(self):
        worker = self.worker(allow_access='def allow_access(environ, host): return False\n')
        environ = {'REQUEST_METHOD': 'POST', 'REQUEST_URI': '/', 'wsgid.access': 'access\tallow_access'}
        worker.front.request(deferred=True, **environ)
        self.refused(worker.front.response(), 403)
        worker.front.request(**{**environ, 'wsgid.access': 'open'})
        self.admitted(worker.front.response())


def basic(user, password):
    return 'Basic ' + base64.b64encode(('%s:%s' % (user, password)).encode('utf-8')).decode('ascii')


class BasicScheme(AccessTest):

    RULE = ('name r', 'basic check_password', 'any-user')

    def test_challenge(self):
        worker = self.worker(check_password='def check_password(environ, user, password): raise AssertionError\n')
        for credentials in (None, '', 'Digest username="a"', 'Bearer abc'):
            with self.subTest(credentials=credentials):
                fields = self.refused(self.ask(worker, *self.RULE, credentials=credentials), 401)
                self.assertEqual(fields, {'WWW-Authenticate': 'Basic realm="r", charset="UTF-8"'})
        # Who has not tried anything is nothing for the log.
        worker.process.log('info', '', 'the first record')
        self.assertEqual(worker.log()[2], 'the first record')

    def test_realm(self):
        worker = self.worker(check_password='def check_password(environ, user, password): return True\n')
        fields = self.refused(self.ask(worker, 'name a"b\\c\u00e9', 'basic check_password', 'any-user'), 401)
        self.assertEqual(fields['WWW-Authenticate'].encode('latin-1').decode('utf-8'), 'Basic realm="a\\"b\\\\c\u00e9", charset="UTF-8"')

    def test_answers(self):
        for answer, wanted in (('True', 'anna'), ('"bert"', 'bert'), ('"\u00e9"', '\u00e9'), ('False', 401), ('None', 401),
                               ('1', 500), ('""', 500), ('b"x"', 500), ('"a\\nb"', 500), ('password', 500)):
            with self.subTest(answer=answer):
                worker = self.worker(check_password='def check_password(environ, user, password): return %s\n' % answer)
                result = self.ask(worker, *self.RULE, credentials=basic('anna', '' if answer == 'password' else 'secret'))
                if wanted == 401:
                    self.refused(result, 401)
                    self.assertNotIn('secret', worker.log()[2])
                elif wanted == 500:
                    self.failed(result, r'^TypeError: check_password\(\) must return')
                    self.assertNotIn('secret', result.failure)
                else:
                    self.assertEqual(self.admitted(result), ['Basic', wanted.encode('utf-8').decode('latin-1')])
                    self.assertEqual(result.user, wanted)

    def test_credentials(self):
        worker = self.worker(check_password='def check_password(environ, user, password): return "%s/%s" % (user, password)\n')

        def encoded(data):
            return base64.b64encode(data).decode('ascii')
        good = (
            (basic('anna', 'p'), 'anna/p'),
            ('basic ' + encoded(b'anna:p'), 'anna/p'),
            ('BASIC   ' + encoded(b'anna:p') + ' ', 'anna/p'),
            (basic('anna', 'p:q:'), 'anna/p:q:'),
            (basic('', ''), '/'),
            (basic('\u00e9', '\u20ac'), '\u00e9/\u20ac'),
        )
        for credentials, wanted in good:
            with self.subTest(credentials=credentials):
                self.assertEqual(self.admitted(self.ask(worker, *self.RULE, credentials=credentials))[1],
                                 wanted.encode('utf-8').decode('latin-1'))
        bad = (
            'Basic', 'Basic ', 'Basic x', 'Basic ' + encoded(b'nocolon'), 'Basic ' + encoded(b'\xff:p'), 'Basic ' + encoded(b'a\0:p'),
            'Basic ' + encoded(b'a:p\n'), 'Basic ' + encoded(b'anna:p')[:-1], 'Basic !' + encoded(b'anna:p'), 'Basic ' + encoded(b'a:b') + '=',
            'Basic ' + encoded(b'a:p') + ' x', 'Basic ' + encoded(b'a:p') + ', Basic ' + encoded(b'b:p'), 'Basic \u00e9',
        )
        for credentials in bad:
            with self.subTest(credentials=credentials):
                self.refused(self.ask(worker, *self.RULE, credentials=credentials), 401)


class Client:
    """A client's side of RFC 7616, written after section 3.4.1."""

    def __init__(self, field):
        scheme, _, rest = field.partition(' ')
        assert scheme == 'Digest', field
        self.challenge = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', rest)}

    def credentials(self, user='anna', password='p', method='GET', uri='/', hashed=None, **change):
        realm, nonce = self.challenge['realm'], self.challenge['nonce']
        given = {'username': '"%s"' % user, 'realm': '"%s"' % realm, 'nonce': '"%s"' % nonce, 'uri': '"%s"' % uri,
                 'qop': 'auth', 'nc': '00000001', 'cnonce': '"abc"', 'algorithm': 'MD5'}

        def digest(*parts):
            return hashlib.md5(':'.join(parts).encode('utf-8')).hexdigest()
        given['response'] = '"%s"' % digest(hashed or digest(user, realm, password), nonce, '00000001', 'abc', 'auth', digest(method, uri))
        for name, value in change.items():
            name = name.replace('_', '*')
            if value is None:
                del given[name]
            else:
                given[name] = value
        return 'Digest ' + ', '.join('%s=%s' % item for item in given.items())


class DigestScheme(AccessTest):

    RULE = ('name r', 'digest get_realm_hash', 'any-user')
    HASH = ('import hashlib\n'
            'def get_realm_hash(environ, user, realm):\n'
            '    if user in ("anna", "\u00e9", "a\\"b"):\n'
            '        return hashlib.md5(("%s:%s:p" % (user, realm)).encode()).hexdigest()\n')

    def setUp(self):
        super().setUp()
        self.digests = self.worker(get_realm_hash=self.HASH)

    def client(self, worker=None):
        fields = self.refused(self.ask(worker or self.digests, *self.RULE), 401)
        return Client(fields['WWW-Authenticate'])

    def test_challenge(self):
        challenge = self.client().challenge
        self.assertEqual({name: challenge[name] for name in ('realm', 'qop', 'algorithm', 'charset')},
                         {'realm': 'r', 'qop': 'auth', 'algorithm': 'MD5', 'charset': 'UTF-8'})
        self.assertNotIn('stale', challenge)

    def test_good(self):
        client = self.client()
        for change in ({}, {'method': 'POST'}, {'uri': '/a%20b?c=d,e'}, {'user': '\u00e9'}, {'algorithm': None}, {'algorithm': 'md5'},
                       {'qop': '"auth"'}, {'username': None, 'username_': "UTF-8''%61nna"}, {'opaque': '"o"'}, {'userhash': 'false'}):
            with self.subTest(change=change):
                uri, method = change.get('uri', '/'), change.get('method', 'GET')
                answer = self.ask(self.digests, *self.RULE, credentials=client.credentials(**change), uri=uri, method=method)
                self.assertEqual(self.admitted(answer), ['Digest', change.get('user', 'anna').encode('utf-8').decode('latin-1')])

    def test_head_that_is_shown_as_get(self):
        client = self.client()
        for method, wanted in (('HEAD', 'admitted'), ('GET', None)):
            answer = self.ask(self.digests, *self.RULE, credentials=client.credentials(method=method), **{'wsgid.method': 'HEAD'})
            self.assertEqual(answer.body, (wanted or '').encode())

    def test_quoted_name(self):
        answer = self.ask(self.digests, *self.RULE, credentials=self.client().credentials(user='a"b', username='"a\\"b"'))
        self.assertEqual(self.admitted(answer), ['Digest', 'a"b'])

    def test_uri_in_full(self):
        credentials = self.client().credentials(uri='http://h:81/a?b')
        self.admitted(self.ask(self.digests, *self.RULE, credentials=credentials, uri='/a?b'))
        self.refused(self.ask(self.digests, *self.RULE, credentials=credentials, uri='/b?b'), 400)

    def test_bad(self):
        client = self.client()
        for change in ({'password': 'q'}, {'user': 'nobody'}, {'method': 'POST'}, {'realm': '"s"'}, {'qop': 'auth-int'}, {'qop': None},
                       {'nc': '1'}, {'nc': '0000000g'}, {'nc': '00000002'}, {'cnonce': None}, {'cnonce': '""'}, {'algorithm': 'SHA-256'},
                       {'algorithm': 'MD5-sess'}, {'response': '"x"'}, {'response': None}, {'username': None}, {'cnonce': '"other"'},
                       {'username_': "UTF-8''anna"}, {'username': None, 'username_': "latin-1''anna"}, {'userhash': 'true'},
                       {'username': '"a\u00ff"'}, {'nonce': '"another"'}, {'realm': '"r", realm="r"'}, {'cnonce': '"abc'}, {'cnonce': 'a;b'}):
            with self.subTest(change=change):
                fields = self.refused(self.ask(self.digests, *self.RULE, credentials=client.credentials(**change)), 401)
                self.assertNotIn('stale', fields['WWW-Authenticate'])

    def test_nonsense(self):
        for credentials in ('Digest', 'Digest ', 'Digest x', 'Digest =', 'Digest , ,', 'Digest username', 'Basic ' + 'YTpi'):
            with self.subTest(credentials=credentials):
                self.refused(self.ask(self.digests, *self.RULE, credentials=credentials), 401)

    def test_uri_of_another_request(self):
        self.refused(self.ask(self.digests, *self.RULE, credentials=self.client().credentials(uri='/other')), 400)

    def test_old_nonce(self):
        client = self.client()
        real = time.time
        access_digest = wsgid.lazy.load('access_digest')
        self.addCleanup(setattr, access_digest, 'time', time)
        for passed, wanted in ((access_digest.LIFETIME - 1, 200), (access_digest.LIFETIME + 1, 401), (-10, 401)):
            with self.subTest(passed=passed):
                access_digest.time = types.SimpleNamespace(time=lambda passed=passed: real() + passed)
                answer = self.ask(self.digests, *self.RULE, credentials=client.credentials())
                if wanted == 200:
                    self.admitted(answer)
                    continue
                fields = self.refused(answer, 401)
                self.assertIn(', stale=true', fields['WWW-Authenticate'])
                # The client asks again with the nonce that it got, and is served.
                self.admitted(self.ask(self.digests, *self.RULE, credentials=Client(fields['WWW-Authenticate']).credentials()))
                # Who does not know the password is not told that the nonce is old.
                wrong = self.refused(self.ask(self.digests, *self.RULE, credentials=client.credentials(password='q')), 401)
                self.assertNotIn('stale', wrong['WWW-Authenticate'])

    def test_nonce_of_another_key(self):
        client = self.client()
        self.admitted(self.ask(self.digests, *self.RULE, credentials=client.credentials()))
        answer = self.ask(self.digests, *self.RULE, credentials=client.credentials(), **{'wsgid.nonce-key': '11' * 32})
        self.assertIn(', stale=true', self.refused(answer, 401)['WWW-Authenticate'])
        client.challenge['nonce'] = 'x' * 52
        answer = self.ask(self.digests, *self.RULE, credentials=client.credentials())
        self.assertIn(', stale=true', self.refused(answer, 401)['WWW-Authenticate'])

    def test_nonce_of_another_process(self):
        other = self.worker(get_realm_hash=self.HASH)
        self.admitted(self.ask(other, *self.RULE, credentials=self.client().credentials()))

    def test_nonce_of_another_realm(self):
        client = self.client()
        client.challenge['realm'] = 's'
        answer = self.ask(self.digests, 'name s', *self.RULE[1:], credentials=client.credentials())
        self.assertIn(', stale=true', self.refused(answer, 401)['WWW-Authenticate'])

    def test_answers(self):
        good = hashlib.md5(b'anna:r:p').hexdigest()
        for answer, wanted in ((good, 200), (good.upper(), 200), (None, 401), ('', 500), ('secret', 500), (good.encode(), 500), (True, 500)):
            with self.subTest(answer=answer):
                worker = self.worker(get_realm_hash='def get_realm_hash(environ, user, realm): return %r\n' % (answer,))
                result = self.ask(worker, *self.RULE, credentials=self.client(worker).credentials())
                if wanted == 200:
                    self.admitted(result)
                elif wanted == 401:
                    self.refused(result, 401)
                else:
                    self.failed(result, r'^TypeError: get_realm_hash\(\) must return')
                    self.assertNotIn('secret', result.failure)

    def test_arguments(self):
        seen = []
        worker = self.worker(get_realm_hash=self.HASH)
        worker.process.guards.functions['get_realm_hash', 'get_realm_hash'] = lambda environ, user, realm: seen.append((user, realm))
        self.ask(worker, *self.RULE, credentials=self.client(worker).credentials(user='\u00e9'))
        self.assertEqual(seen, [('\u00e9', 'r')])


if __name__ == '__main__':
    unittest.main()
