"""dispatch-script: what its functions may return, and the callables that they choose."""

import textwrap
import unittest

from support import CONFIG, wsgid
from test_application import Loading

lazy = wsgid.lazy
application = wsgid.application


class Dispatch(Loading):

    APPLICATION = '''
        executed = []
        def application(environ, start_response): return 'application', environ
        def other(environ, start_response): return 'other', environ
        class Deep:
            def inner(environ, start_response): return 'inner', environ
        number = 7
    '''

    def dispatch(self, source, **config):
        self.script = self.write('dispatch.wsgi', source)
        self.app = self.write('app.wsgi', self.APPLICATION)
        config = {**CONFIG, 'module': '', 'script': self.app, 'dispatch': '/site/dispatch.wsgi\t' + self.script, **config}
        loaded = {}
        return lazy.load('dispatch').Dispatch(config, application.load(config, loaded), loaded)

    def choose(self, dispatch, **environ):
        answer = []
        environ = {'wsgid.dispatch': '/site/dispatch.wsgi', 'wsgid.path': 'hidden', 'wsgi.input': None, **environ}
        self.assertEqual(dispatch(environ, lambda status, headers: answer.append((status, headers))), [])
        self.assertEqual(answer[0][0], '200 OK')
        return dict(answer[0][1])

    def test_choices(self):
        dispatch = self.dispatch('''
            def process_group(environ):
                assert set(environ) == {'QUERY_STRING'}, environ
                return environ['QUERY_STRING'] or None
            def callable_object(environ):
                return 'caf\\u00e9'
        ''')
        name = 'caf\u00e9'.encode().decode('latin-1')
        self.assertEqual(self.choose(dispatch, QUERY_STRING='web'), {'process-group': 'web', 'callable-object': name})
        self.assertEqual(self.choose(dispatch, QUERY_STRING=''), {'callable-object': name})

    def test_bad_results(self):
        for value in ('1', "b'web'", '"a\\nb"', '"a\\0b"', '["web"]', 'True'):
            with self.subTest(value):
                dispatch = self.dispatch('def application_group(environ): return %s\n' % value)
                with self.assertRaisesRegex(TypeError, r'application_group\(\) must return a str or None'):
                    self.choose(dispatch)

    def test_exception(self):
        with self.assertRaisesRegex(ValueError, 'broken'):
            self.choose(self.dispatch('def process_group(environ): raise ValueError("broken")\n'))

    def test_bad_scripts(self):
        for source, kind, text in [('x = 1\n', LookupError, 'there is none of the functions'),
                                   ('process_group = "web"\n', TypeError, 'process_group in .* is not callable')]:
            with self.subTest(source), self.assertRaisesRegex(kind, text):
                self.dispatch(source)

    def test_unknown_script(self):
        with self.assertRaisesRegex(LookupError, 'reload the site'):
            self.choose(self.dispatch('def process_group(environ): pass\n'), **{'wsgid.dispatch': '/site/other.wsgi'})

    def test_callables(self):
        dispatch = self.dispatch('def process_group(environ): pass\n', dispatch='', dispatched='1')
        for name, want in ((None, 'application'), ('other', 'other'), ('Deep.inner', 'inner'), ('other', 'other')):
            environ = {'wsgid.callable': name} if name else {}
            found, environ = dispatch(environ, None)
            self.assertEqual(found, want)
            self.assertEqual(environ, {'mod_wsgi.callable_object': name, 'SCRIPT_FILENAME': self.app} if name else {})
        with self.assertRaisesRegex(LookupError, "there is no 'none' in"):
            dispatch({'wsgid.callable': 'none'}, None)
        with self.assertRaisesRegex(TypeError, 'is not callable'):
            dispatch({'wsgid.callable': 'number'}, None)

    def test_callable_of_several(self):
        second = self.write('second.wsgi', textwrap.dedent(self.APPLICATION))
        applications = '\n'.join('\t'.join((script, '', 'application', '', '', '')) for script in (self.directory + '/app.wsgi', second))
        dispatch = self.dispatch('def process_group(environ): pass\n', applications=applications)
        found, environ = dispatch({'wsgid.application': '1', 'wsgid.callable': 'other'}, None)
        self.assertEqual((found, environ['SCRIPT_FILENAME']), ('other', second))
        found, environ = dispatch({'wsgid.application': '0'}, None)
        self.assertEqual((found, environ['SCRIPT_FILENAME']), ('application', self.app))

    def test_no_application(self):
        dispatch = self.dispatch('def process_group(environ): return "web"\n', script='')
        self.assertIsNone(dispatch.application)
        self.assertEqual(self.choose(dispatch), {'process-group': 'web'})


if __name__ == '__main__':
    unittest.main()
