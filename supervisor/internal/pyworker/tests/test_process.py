"""The process as its leader sees it: the program runs in an interpreter of its
own, as Bootstrap starts it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support import CONFIG, HERE, PATIENCE, FrontEnd, Leader, link

# What Bootstrap makes of the program, with the descriptors where it wants them.
BOOT = '''
import os, sys
control, stacks = %d, %d
os.dup2(control, 3, inheritable=True)
os.dup2(stacks, 4, inheritable=True)
os.close(control)
os.close(stacks)
sys.path.insert(0, %r)
from support import wsgid
sys.path.pop(0)
wsgid.process.main()
'''

HELLO = '''
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'hello']
'''


class Program:
    """The program with an application in it."""

    def __init__(self, test, source, **config):
        directory = tempfile.TemporaryDirectory()
        test.addCleanup(directory.cleanup)
        self.script = os.path.join(directory.name, 'demo_app.py')
        with open(self.script, 'w') as file:
            file.write(textwrap.dedent(source))
        self.leader = Leader()
        test.addCleanup(self.leader.close)
        self.stacks, stacks = os.pipe()
        test.addCleanup(os.close, self.stacks)
        # Numbers that dup2 to 3 and 4 cannot meet.
        passed = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (self.leader.far.fileno(), stacks)]
        config = {**CONFIG, 'module': '', 'script': self.script, **config}
        self.leader.sock.send('\0'.join(part for item in config.items() for part in item).encode())
        self.popen = subprocess.Popen(
            [sys.executable, '-c', BOOT % (*passed, str(HERE)), ' ' * 64], pass_fds=passed,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        test.addCleanup(self.end)
        for fd in (stacks, *passed):
            os.close(fd)
        self.leader.far.close()
        self.fronts = []

    def ready(self):
        """Wait until it is ready; the message that it greeted with."""
        hello = self.leader.expect('hello')[0]
        _, fds = self.leader.expect('threads')
        self.fronts = FrontEnd.of_each(fds)
        self.leader.expect('ready')
        return hello

    def get(self, **environ):
        self.fronts[0].request(**environ)
        return self.fronts[0].response()

    def wait(self):
        """Its exit code, standard output and standard error."""
        out, err = self.popen.communicate(timeout=PATIENCE)
        return self.popen.returncode, out.decode(), err.decode()

    def end(self):
        for front in self.fronts:
            front.close()
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.communicate(timeout=PATIENCE)
        self.popen.stdout.close()
        self.popen.stderr.close()


class Life(unittest.TestCase):

    def start(self, source=HELLO, **config):
        return Program(self, source, **config)

    def test_serves(self):
        program = self.start()
        name, version, prefix = program.ready()
        self.assertEqual(version, '.'.join(map(str, sys.version_info[:3])))
        self.assertEqual(prefix, sys.prefix)
        self.assertEqual(program.get().body, b'hello')

    def test_stop(self):
        program = self.start('import atexit\natexit.register(print, "at exit")\n' + HELLO)
        program.ready()
        program.leader.sock.send(b'stop')
        self.assertEqual(program.wait(), (0, 'at exit\n', ''))

    def test_leader_goes_away(self):
        program = self.start()
        program.ready()
        program.leader.sock.close()
        self.assertEqual(program.wait()[0], 0)

    def test_stop_waits_for_requests(self):
        for timeout in ('5', '0'):
            with self.subTest(timeout=timeout):
                program = self.start('''
                    import sys
                    def application(environ, start_response):
                        start_response('200 OK', [])
                        environ['wsgi.input'].read()
                        return [b'finished']
                ''', **{'shutdown-timeout': timeout})
                program.ready()
                program.fronts[0].request(deferred=True)
                self.assertEqual(program.fronts[0].frame().kind, link.WANT)
                program.leader.sock.send(b'stop')
                with self.assertRaises(subprocess.TimeoutExpired):
                    program.popen.wait(0.2)
                program.fronts[0].send(link.BODY, link.LAST)
                self.assertEqual(program.fronts[0].response().body, b'finished')
                self.assertEqual(program.wait()[0], 0)

    def test_stop_does_not_wait_longer(self):
        program = self.start('''
            def application(environ, start_response):
                environ['wsgi.input'].read()
        ''', **{'shutdown-timeout': '0.1'})
        program.ready()
        program.fronts[0].request(deferred=True)
        self.assertEqual(program.fronts[0].frame().kind, link.WANT)
        program.leader.sock.send(b'stop')
        self.assertEqual(program.wait()[0], 0)

    def test_warm_up(self):
        program = self.start('''
            seen = []
            def application(environ, start_response):
                seen.append(environ['SCRIPT_NAME'] + '|' + environ['PATH_INFO'] + '|' + environ['QUERY_STRING'] + '|' + environ['HTTP_HOST'])
                print('asked', file=environ['wsgi.errors'])
                start_response('200 OK', [])
                return [', '.join(seen).encode()]
        ''', **{'warm-up': '/api\t/health\texample.org\t\n\t/\texample.org\t'})
        program.leader.expect('warming')
        program.ready()
        self.assertEqual(program.get(SCRIPT_NAME='', PATH_INFO='/x', QUERY_STRING='', HTTP_HOST='h').body,
                         b'/api|/health||example.org, |/||example.org, |/x||h')

    def test_warm_up_fails(self):
        for source, want in [
            ('''
             def application(environ, start_response):
                 start_response('503 Not Today', [])
                 return []
             ''', r'^warm-up: GET /health answered 503 Not Today, expected was 200$'),
            ('''
             def application(environ, start_response):
                 return [b'x']
             ''', r'^warm-up: the application did not call start_response'),
            ('''
             def application(environ, start_response):
                 start_response('200 OK', [])
                 yield b'x'
                 raise KeyError('table')
             ''', r'(?s)^Traceback.*KeyError: .table'),
        ]:
            with self.subTest(want=want):
                program = self.start(source, **{'warm-up': '\t/health\tlocalhost\t'})
                self.assertRegex(program.leader.expect('failed')[0][1], want)
                self.assertEqual(program.wait()[0], 1)

    def test_warm_up_closes_what_it_got(self):
        program = self.start('''
            class Result:
                def __iter__(self):
                    return iter(())
                def close(self):
                    print('closed', flush=True)
            def application(environ, start_response):
                start_response('204 No Content', [])
                return Result()
        ''', **{'warm-up': '\t/\tlocalhost\t', 'warm-up-status': '204'})
        program.ready()
        program.leader.sock.send(b'stop')
        self.assertEqual(program.wait(), (0, 'closed\n', ''))

    def test_import_fails(self):
        for source, want in [
            ('def broken():\n    return 1 / 0\nbroken()\n',
             r'^Traceback \(most recent call last\):\n  File ".*demo_app.py", line 3, in <module>\n(.*\n)+ZeroDivisionError: '),
            ('def application(:\n', r'(?s)demo_app.py", line 1\n.*SyntaxError: '),
            ('import sys\nsys.exit(3)\n', r'(?s)demo_app.py.*SystemExit: 3$'),
            ('raise ValueError("nul \\0 byte")\n', r'(?s)ValueError: nul \\x00 byte$'),
            ('x = 1\n', r"^LookupError: there is no 'application' in "),
            ('import nowhere_to_be_found\n', r"(?s)ModuleNotFoundError: No module named 'nowhere_to_be_found'$"),
        ]:
            with self.subTest(source):
                program = self.start(source)
                fields, _ = program.leader.expect('failed')
                self.assertEqual(len(fields), 2)
                self.assertRegex(fields[1], want)
                self.assertNotIn('<wsgid>', fields[1])
                self.assertNotIn('<frozen', fields[1])
                self.assertEqual(program.wait(), (1, '', ''))

    def test_traceback_of_a_path_with_importlib_in_it(self):
        program = self.start('raise ValueError("here")\n')
        self.assertIn('demo_app.py', program.leader.expect('failed')[0][1])
        directory = tempfile.TemporaryDirectory(prefix='importlib')
        self.addCleanup(directory.cleanup)
        script = directory.name + '/demo.py'
        with open(script, 'w') as file:
            file.write('raise ValueError("here")\n')
        program = self.start(script=script)
        self.assertIn(script, program.leader.expect('failed')[0][1])

    def test_unknown_locale(self):
        # setlocale() looks at the environment, where the leader puts the name.
        os.environ['LC_ALL'] = 'xx_NOWHERE'
        self.addCleanup(os.environ.pop, 'LC_ALL')
        program = self.start(locale='xx_NOWHERE')
        self.assertRegex(program.leader.expect('failed')[0][1], "^OSError: cannot use locale 'xx_NOWHERE': ")

    def test_settings(self):
        program = self.start('''
            import json, sys, threading
            seen = {'interval': sys.getswitchinterval(), 'stack': threading.stack_size(), 'argv': sys.argv,
                    'name': __name__, 'path': sys.path[0], 'main': sys.modules['__main__'].__name__}
            def application(environ, start_response):
                seen['thread'] = threading.current_thread().name
                seen['daemon'] = threading.current_thread().daemon
                seen['multi'] = environ['wsgi.multithread'], environ['wsgi.multiprocess']
                seen['script'] = environ['SCRIPT_FILENAME']
                start_response('200 OK', [])
                return [json.dumps(seen).encode()]
        ''', **{'switch-interval': '0.25', 'stack-size': '524288', 'multithread': '1', 'multiprocess': '1'})
        program.ready()
        self.assertEqual(json.loads(program.get().body), {
            'interval': 0.25, 'stack': 524288, 'argv': [program.script], 'name': 'demo_app',
            'path': os.path.dirname(program.script), 'main': '__main__', 'thread': 'wsgi-0', 'daemon': True,
            'multi': [True, True], 'script': program.script,
        })

    def test_title(self):
        for title in ('wsgid: worker blog:web', 'caf\xe9', 'long ' * 2000):
            with self.subTest(title[:20]):
                program = self.start(title=title)
                program.ready()
                with open('/proc/%d/cmdline' % program.popen.pid, 'rb') as file:
                    shown = file.read()
                self.assertTrue(title.encode().startswith(shown.rstrip(b'\0')), shown[:80])
                self.assertGreater(len(shown.rstrip(b'\0')), min(len(title), 100) - 1)

    def test_output(self):
        program = self.start('''
            import os, sys
            print('to stdout \\u20ac', end='\\n', flush=False)
            print('to stderr \\udc80', file=sys.stderr)
        ''' + HELLO.replace('\n', '\n            '))
        program.ready()
        self.assertEqual(program.popen.stdout.readline().decode(), 'to stdout \u20ac\n')
        self.assertEqual(program.popen.stderr.readline().decode(), 'to stderr \\udc80\n')

    def test_descriptors_are_not_inherited(self):
        program = self.start('''
            import subprocess
            def application(environ, start_response):
                start_response('200 OK', [])
                return [subprocess.check_output(['ls', '-l', '/proc/self/fd'], close_fds=False)]
        ''')
        program.ready()
        listing = program.get().body.decode()
        self.assertIn('/proc/', listing)
        self.assertNotIn('socket:', listing)

    def test_ping(self):
        # Requests that compute do not keep the main thread from answering.
        program = self.start('''
            stop = []
            def application(environ, start_response):
                if environ['PATH_INFO'] == '/stop':
                    stop.append(1)
                start_response('200 OK', [])
                yield b'begun'
                while not stop:
                    pass
        ''', threads='3')
        program.ready()
        for front in program.fronts[:2]:
            front.request(PATH_INFO='/')
            self.assertEqual(front.frame().kind, link.RESPONSE)
        for _ in range(3):
            program.leader.sock.send(b'ping')
            self.assertEqual(program.leader.expect('pong'), (['pong'], []))
        program.fronts[2].request(PATH_INFO='/stop')
        for front in program.fronts[:2]:
            self.assertEqual(front.frame().kind, link.END)

    def test_renew(self):
        program = self.start(threads='2')
        program.ready()
        self.assertEqual(program.get().body, b'hello')
        for front in program.fronts:
            front.close()
        program.leader.sock.send(b'renew\x007')
        self.assertEqual(program.leader.expect('renewed')[0], ['renewed', '7'])
        offered = {}
        while len(offered) < 2:
            fields, fds = program.leader.expect('threads')
            for index, front in enumerate(FrontEnd.of_each(fds), int(fields[1])):
                program.fronts.append(front)
                offered[index] = front
        for index in (0, 1):
            offered[index].request()
            self.assertEqual(offered[index].response().body, b'hello')

    def test_unknown_word(self):
        program = self.start()
        program.ready()
        program.leader.sock.send(b'what a later leader may say')
        program.leader.sock.send(b'ping')
        program.leader.expect('pong')

    def test_cpu_time(self):
        for name, prelude in [
            ('plain', ''),
            ('handler', 'import signal\nsignal.signal(signal.SIGXCPU, lambda *args: 1 / 0)\n'),
            ('default', 'import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_DFL)\n'),
            ('thread', 'import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n'),
        ]:
            with self.subTest(name):
                program = self.start(prelude + HELLO, **{'cpu-time-limit': '1'})
                program.ready()
                self.assertEqual(program.get().body, b'hello')
                for _ in range(2):  # the kernel repeats it every second
                    os.kill(program.popen.pid, signal.SIGXCPU)
                self.assertEqual(program.leader.expect('expired')[0], ['expired'])
                self.assertEqual(program.get().body, b'hello')
                program.leader.sock.send(b'stop')
                self.assertEqual(program.wait(), (0, '', ''))

    def test_cpu_time_while_threads_compute(self):
        program = self.start('''
            def application(environ, start_response):
                start_response('200 OK', [])
                yield b'begun'
                while True:
                    pass
        ''', threads='3', **{'cpu-time-limit': '1'})
        program.ready()
        for front in program.fronts[:2]:
            front.request()
            self.assertEqual(front.frame().kind, link.RESPONSE)
        os.kill(program.popen.pid, signal.SIGXCPU)
        self.assertEqual(program.leader.expect('expired')[0], ['expired'])

    def test_cpu_time_of_the_import(self):
        program = self.start('import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)\n' + HELLO, **{'cpu-time-limit': '1'})
        self.assertEqual(program.leader.expect('failed')[0][1], 'cpu-time-limit was used up by the import of the application')
        self.assertEqual(program.wait(), (1, '', ''))

    def test_files(self):
        program = self.start('''
            def application(environ, start_response):
                import colorsys
                start_response('200 OK', [])
                return [b'']
        ''', watch='1')
        program.leader.expect('hello')
        self.addCleanup(lambda: [front.close() for front in program.fronts])
        named = []
        while program.script not in named:
            named += program.leader.expect('files')[0][1:]
        program.fronts = FrontEnd.of_each(program.leader.expect('threads')[1])
        program.get()
        late = program.leader.expect('files')[0][1:]
        self.assertTrue(any(name.endswith('/colorsys.py') for name in late), late)
        self.assertEqual(len(set(named + late)), len(named + late))

    def test_stacks(self):
        program = self.start('''
            def wait_for_body(body):
                body.read()
            def application(environ, start_response):
                wait_for_body(environ['wsgi.input'])
        ''')
        program.ready()
        ident = int(program.leader.expect('ident')[0][2])
        program.fronts[0].request(deferred=True)
        self.assertEqual(program.fronts[0].frame().kind, link.WANT)
        os.kill(program.popen.pid, int(CONFIG['stack-signal']))
        text = b''
        while b'in wait_for_body' not in text or b'in main' not in text:
            text += os.read(program.stacks, 1 << 16)
        self.assertIn('Thread 0x%016x' % ident, text.decode())


if __name__ == '__main__':
    unittest.main()
