"""Finding the application: scripts, modules, sys.path."""

import os
import pickle
import sys
import tempfile
import textwrap
import unittest

from support import CONFIG, wsgid

application = wsgid.application


class Loading(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        modules, path = dict(sys.modules), list(sys.path)
        self.addCleanup(sys.path.__setitem__, slice(None), path)
        self.addCleanup(lambda: [sys.modules.pop(name) for name in set(sys.modules) - set(modules)])

    def write(self, name, text='def application(environ, start_response): pass\n'):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(textwrap.dedent(text))
        return path

    def load(self, **config):
        config = {**CONFIG, 'module': '', **config}
        application.extend_path(config)
        return application.load(config, {})

    def several(self, *applications, **config):
        """Load them as the leader names them; each is script, module and callable, and
        perhaps directory and suffix."""
        first = dict(zip(('script', 'module', 'callable'), applications[0]))
        lines = '\n'.join('\t'.join((*one, '', '', '')[:6]) for one in applications)
        return self.load(**{**first, 'applications': lines, **config})


class Scripts(Loading):

    def test_own_name(self):
        path = self.write('blogscript.py')
        found = self.load(script=path)
        self.assertEqual((found.__name__, found.__module__), ('application', 'blogscript'))
        module = sys.modules['blogscript']
        self.assertEqual((module.__file__, module.__spec__.origin, module.__spec__.name), (path, path, 'blogscript'))

    def test_taken_names(self):
        for name in ('calendar.py', 'json.py', 'sys.py', 'unittest.py', '_wsgid.py'):
            with self.subTest(name):
                before = sys.modules.get(name[:-3])
                found = self.load(script=self.write(name))
                if name != 'calendar.py' or sys.version_info >= (3, 10):
                    self.assertEqual(found.__module__, '_wsgi_' + name[:-3])
                    self.assertIs(sys.modules.get(name[:-3]), before)

    def test_not_a_py_file(self):
        for name, want in [('site-1.wsgi', '_wsgi_site-1'), ('app', '_wsgi_app'), ('my.app.wsgi', '_wsgi_my.app'),
                           ('.wsgi', '_wsgi_.wsgi')]:
            with self.subTest(name):
                self.assertEqual(self.load(script=self.write(name)).__module__, want)

    def test_script_beside_a_module_of_its_name(self):
        # mod_wsgi's users have blog.wsgi with "from blog import application".
        self.write('blogmodule.py', 'def application(environ, start_response): "of the module"\n')
        path = self.write('blogmodule.wsgi', 'from blogmodule import application\n')
        self.assertEqual(self.load(script=path).__doc__, 'of the module')

    def test_byte_code_is_not_shared(self):
        # Both would be kept as __pycache__/twins.cpython-XY.pyc.
        first = self.write('twins.py', 'application = lambda: 1\n')
        second = self.write('twins.wsgi', 'application = lambda: 2\n')
        for path in (first, second):
            os.utime(path, (1e9, 1e9))
        self.assertEqual([self.load(script=path)() for path in (first, second)], [1, 2])

    def test_pickle(self):
        path = self.write('picklescript.py', '''
            class Thing:
                def __init__(self, n): self.n = n
                def __call__(self): pass
            application = Thing(7)
        ''')
        copy = pickle.loads(pickle.dumps(self.load(script=path)))
        self.assertEqual((copy.n, type(copy).__module__), (7, 'picklescript'))

    def test_imports_beside_it(self):
        self.write('neighbour_module.py', 'value = 3\n')
        path = self.write('importing.py', 'from neighbour_module import value\ndef application(): return value\n')
        self.assertEqual(self.load(script=path)(), 3)

    def test_missing_callable(self):
        path = self.write('nothing.py', 'x = 1\n')
        with self.assertRaises(LookupError) as caught:
            self.load(script=path)
        self.assertEqual(str(caught.exception), "there is no 'application' in %s: name the application by "
                         "callable-object (or FILE:NAME)" % path)

    def test_not_callable(self):
        path = self.write('number.py', 'application = 1\n')
        with self.assertRaisesRegex(TypeError, "^'application' in .*/number.py is not callable$"):
            self.load(script=path)

    def test_dotted_callable(self):
        path = self.write('dotted.py', '''
            class app:
                @staticmethod
                def wsgi(): return 5
        ''')
        self.assertEqual(self.load(script=path, callable='app.wsgi')(), 5)
        with self.assertRaisesRegex(LookupError, "there is no 'app.other' in "):
            self.load(script=path, callable='app.other')

    def test_failed_import_leaves_nothing(self):
        path = self.write('failing.py', 'raise ValueError("at import")\n')
        with self.assertRaisesRegex(ValueError, 'at import'):
            self.load(script=path)
        self.assertNotIn('failing', sys.modules)

    def test_script_that_replaces_itself(self):
        path = self.write('replacing.py', '''
            import sys, types
            module = types.ModuleType(__name__)
            module.application = lambda: 'replaced'
            sys.modules[__name__] = module
        ''')
        self.assertEqual(self.load(script=path)(), 'replaced')

    def test_missing_file(self):
        with self.assertRaises(FileNotFoundError):
            self.load(script=os.path.join(self.directory, 'nowhere.py'))


class Modules(Loading):

    def test_package(self):
        self.write('demo_package/__init__.py', 'value = 1\n')
        self.write('demo_package/sub.py')
        found = self.load(module='demo_package.sub', home=self.directory)
        self.assertEqual(found.__module__, 'demo_package.sub')

    def test_working_directory(self):
        # Without home, a module is looked for where wsgid was started.
        self.write('demo_here.py')
        self.assertEqual(self.load(module='demo_here', directory=self.directory).__module__, 'demo_here')

    def test_missing(self):
        with self.assertRaisesRegex(ImportError, "No module named 'demo_nowhere'"):
            self.load(module='demo_nowhere')

    def test_missing_callable(self):
        self.write('demo_empty.py', '')
        with self.assertRaisesRegex(LookupError, "there is no 'application' in module demo_empty"):
            self.load(module='demo_empty', home=self.directory)


class Several(Loading):

    def ask(self, several, number):
        environ = {'wsgid.application': str(number)}
        return several(environ, None), environ

    def test_number_chooses(self):
        source = 'def application(environ, start_response): return %r\ndef other(environ, start_response): return "other"\n'
        one, two = self.write('one/app.py', source % 'one'), self.write('two/app.py', source % 'two')
        self.write('demo_third.py', source % 'three')
        several = self.several((one, '', 'application'), (two, '', 'application'), (two, '', 'other'),
                               ('', 'demo_third', 'application'), home=self.directory)
        for number, answer, script, name in [(0, 'one', one, 'application'), (1, 'two', two, 'application'),
                                             (2, 'other', two, 'other'), (3, 'three', None, 'application')]:
            with self.subTest(number):
                got, environ = self.ask(several, number)
                self.assertEqual(got, answer)
                self.assertEqual(environ, {'mod_wsgi.callable_object': name, **({'SCRIPT_FILENAME': script} if script else {})})

    def test_names_differ(self):
        paths = [self.write('%s/app.wsgi' % name) for name in ('one', 'two', 'three')]
        several = self.several(*((path, '', 'application') for path in paths))
        modules = [application.__module__ for application, _ in several.applications]
        self.assertEqual(modules, ['_wsgi_app', '_wsgi_app_2', '_wsgi_app_3'])
        self.assertEqual([sys.modules[name].__file__ for name in modules], paths)

    def test_directories_of_all_scripts(self):
        for name in ('one', 'two'):
            self.write('%s/demo_%s.py' % (name, name), 'value = %r' % name)
        one, two = (self.write('%s/app.wsgi' % name, '''
            from demo_%s import value
            def application(environ, start_response): return value
            ''' % name) for name in ('one', 'two'))
        several = self.several((one, '', 'application'), (two, '', 'application'))
        self.assertEqual([self.ask(several, n)[0] for n in (0, 1)], ['one', 'two'])

    def test_a_broken_one(self):
        good, bad = self.write('good.py'), self.write('bad.py', 'raise ValueError("bad")')
        with self.assertRaisesRegex(ValueError, 'bad'):
            self.several((good, '', 'application'), (bad, '', 'application'))
        with self.assertRaisesRegex(LookupError, "there is no 'nothing' in .*good.py"):
            self.several((good, '', 'application'), (good, '', 'nothing'))


class Directories(Loading):

    SOURCE = '''
        import builtins
        builtins.executed = getattr(builtins, 'executed', []) + [__file__]
        def application(environ, start_response):
            return environ['SCRIPT_NAME'], environ['PATH_INFO'], environ['SCRIPT_FILENAME']
    '''

    def setUp(self):
        super().setUp()
        import builtins
        self.addCleanup(builtins.__dict__.pop, 'executed', None)
        self.root = os.path.join(self.directory, 'apps')
        self.blog = self.write('apps/blog.wsgi', self.SOURCE)
        self.deep = self.write('apps/sub/dir/deep.wsgi', self.SOURCE)
        self.write('apps/sub/README', 'not Python')

    def executed(self):
        import builtins
        return builtins.executed

    def mounted(self, suffix='.wsgi'):
        return self.several(('', '', 'application', self.root, suffix))

    def get(self, mounted, path):
        """What the script says, or the status of the answer without one."""
        answer = []
        environ = {'wsgid.application': '0', 'SCRIPT_NAME': '/apps', 'PATH_INFO': path, 'mod_wsgi.request_id': 'id-1'}
        result = mounted(environ, lambda status, headers: answer.append(status))
        if answer:
            self.assertIn(b'request id: id-1', result[0])
        return answer[0] if answer else result

    def test_names(self):
        mounted = self.mounted()
        for path, want in {
            '/blog': ('/apps/blog', '', self.blog),
            '/blog/': ('/apps/blog', '/', self.blog),
            '/blog/a/b': ('/apps/blog', '/a/b', self.blog),
            '/sub/dir/deep/x': ('/apps/sub/dir/deep', '/x', self.deep),
            '/blog.wsgi': '404 Not Found', '/Blog': '404 Not Found', '/': '404 Not Found', '': '404 Not Found',
            '/sub': '404 Not Found', '/sub/': '404 Not Found', '/sub/README': '404 Not Found', '/sub/dir/none/x': '404 Not Found',
            '/sub/../blog': '404 Not Found', '/./blog': '404 Not Found', '//blog': '404 Not Found', '/caf\xc3\xa9': '404 Not Found',
        }.items():
            with self.subTest(path):
                self.assertEqual(self.get(mounted, path), want)

    def test_whole_names(self):
        mounted = self.mounted('')
        self.assertEqual(self.get(mounted, '/blog.wsgi/x'), ('/apps/blog.wsgi', '/x', self.blog))
        self.assertEqual(self.get(mounted, '/blog/x'), '404 Not Found')

    def test_loaded_at_the_start_and_later(self):
        mounted = self.mounted()
        self.assertEqual(self.executed(), [self.blog, self.deep])
        late = self.write('apps/late.wsgi', self.SOURCE)
        self.assertEqual([self.get(mounted, '/late/%d' % n) for n in (1, 2)],
                         [('/apps/late', '/%d' % n, late) for n in (1, 2)])
        self.assertEqual(self.executed(), [self.blog, self.deep, late])

    def test_first_asked_for_by_many(self):
        mounted = self.mounted()
        late = self.write('apps/late.wsgi', 'import time; time.sleep(0.1)\n' + textwrap.dedent(self.SOURCE))
        import threading
        threads = [threading.Thread(target=self.get, args=(mounted, '/late')) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.executed().count(late), 1)

    def test_broken(self):
        mounted = self.mounted()
        self.write('apps/late.wsgi', 'raise ValueError("late")')
        for _ in range(2):
            with self.assertRaisesRegex(ValueError, 'late'):
                self.get(mounted, '/late')
        late = self.write('apps/late.wsgi', self.SOURCE)
        self.assertEqual(self.get(mounted, '/late'), ('/apps/late', '', late))
        self.write('apps/broken.wsgi', 'raise ValueError("broken")')
        with self.assertRaisesRegex(ValueError, 'broken'):
            self.mounted()

    def test_no_way_out(self):
        outside = self.write('outside.wsgi', self.SOURCE)
        os.symlink(outside, os.path.join(self.root, 'link.wsgi'))
        os.symlink(self.directory, os.path.join(self.root, 'up'))
        os.symlink('blog.wsgi', os.path.join(self.root, 'alias.wsgi'))
        self.write('apps/.hidden.wsgi', self.SOURCE)
        self.write('apps/.git/hook.wsgi', self.SOURCE)
        mounted = self.mounted()
        for path in ('/link', '/up/outside', '/.hidden', '/.git/hook'):
            with self.subTest(path):
                self.assertEqual(self.get(mounted, path), '404 Not Found')
        self.assertEqual(self.get(mounted, '/alias')[0], '/apps/alias')
        self.assertNotIn(outside, self.executed())

    def test_preload(self):
        other = self.write('other.wsgi', self.SOURCE)
        mounted = self.several((other, '', 'application'), ('', '', 'application', self.root, ''), preload='1\t' + self.deep)
        self.assertEqual(self.executed(), [other, self.deep])
        environ = {'wsgid.application': '1', 'SCRIPT_NAME': '', 'PATH_INFO': '/x', 'wsgid.path': '/sub/dir/deep.wsgi/x'}
        self.assertEqual(mounted(environ, None), ('', '/x', self.deep))
        self.assertEqual(self.executed(), [other, self.deep])

    def test_root_behind_a_link(self):
        os.symlink(self.root, os.path.join(self.directory, 'current'))
        self.root = os.path.join(self.directory, 'current')
        self.assertEqual(self.get(self.mounted(), '/blog')[0], '/apps/blog')

    def test_missing(self):
        self.root += '-none'
        with self.assertRaises(FileNotFoundError):
            self.mounted()


class Handlers(Loading):

    def test_file(self):
        handler = self.write('handler.wsgi', '''
            def handle_request(environ, start_response):
                return environ
        ''')
        other = self.write('other.wsgi', 'def application(environ, start_response): return environ\n')
        loaded = self.several((handler, '', 'handle_request', '', '', 'handler'), (other, '', 'application'))
        name = self.directory + '/caf\u00e9.rst'
        environ = loaded({'wsgid.application': '0', 'wsgid.file': name.encode().decode('latin-1')}, None)
        self.assertEqual(environ, {'SCRIPT_FILENAME': name, 'mod_wsgi.callable_object': 'handle_request',
                                   'mod_wsgi.handler_script': handler})
        environ = loaded({'wsgid.application': '1', 'mod_wsgi.handler_script': ''}, None)
        self.assertEqual(environ, {'SCRIPT_FILENAME': other, 'mod_wsgi.callable_object': 'application',
                                   'mod_wsgi.handler_script': ''})


class Path(Loading):

    def extend(self, **config):
        before = list(sys.path)
        application.extend_path({**CONFIG, 'module': '', **config})
        self.assertEqual([entry for entry in sys.path if entry in before], before)
        return [entry for entry in sys.path if entry not in before]

    def test_order(self):
        for name in ('home', 'scripts', 'one', 'two'):
            os.mkdir(os.path.join(self.directory, name))
        home, scripts, one, two = (os.path.join(self.directory, name) for name in ('home', 'scripts', 'one', 'two'))
        added = self.extend(**{'home': home, 'script': scripts + '/app.py', 'python-path': one + ':' + two})
        self.assertEqual(added, [home, scripts, one, two])
        self.assertEqual(sys.path[:4], added)

    def test_pth_files(self):
        extra = os.path.join(self.directory, 'extra')
        os.mkdir(extra)
        packages = os.path.dirname(self.write('packages/extra.pth', extra + '\n'))
        self.assertEqual(self.extend(**{'python-path': packages}), [packages, extra])

    def test_no_entry_twice(self):
        self.assertEqual(self.extend(home=self.directory, script=self.directory + '/app.py'), [self.directory])

    def test_nothing(self):
        self.assertEqual(self.extend(), [])

    def test_directory_is_for_modules_without_home(self):
        self.assertEqual(self.extend(module='demo', directory=self.directory), [self.directory])
        sys.path.remove(self.directory)
        self.assertEqual(self.extend(module='demo', directory=self.directory, home='/nowhere'), ['/nowhere'])


if __name__ == '__main__':
    unittest.main()
