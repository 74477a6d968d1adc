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
        return application.load(config)


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
