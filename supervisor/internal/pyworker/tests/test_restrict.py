"""What an application may not use."""

import unittest

from test_process import HELLO, Program


class Restrict(unittest.TestCase):

    def start(self, source=HELLO, **config):
        return Program(self, source, **config)

    def test_stdin_and_stdout(self):
        for name, uses in [('stdin', ['sys.stdin.read()', 'input()', 'sys.stdin.fileno()', 'for line in sys.stdin: pass', 'sys.stdin.x = 1']),
                           ('stdout', ['print("x")', 'sys.stdout.write("x")', 'sys.stdout.flush()', 'sys.stdout.buffer'])]:
            program = self.start('''
                import sys
                def attempt(use):
                    try:
                        exec(use)
                    except OSError as err:
                        return str(err)
                    return 'nothing'
                def application(environ, start_response):
                    start_response('200 OK', [])
                    return [attempt(environ['USE']).encode()]
            ''', restrict=name)
            program.ready()
            for use in uses:
                with self.subTest(use):
                    self.assertIn(b'sys.%s access restricted by mod_wsgi' % name.encode(), program.get(USE=use).body)
            program.leader.sock.send(b'stop')
            self.assertEqual(program.wait(), (0, '', ''))

    def test_one_does_not_restrict_the_other(self):
        program = self.start('import sys\nprint("written", repr(sys.stdin))\n' + HELLO, restrict='stdin')
        program.ready()
        program.leader.sock.send(b'stop')
        self.assertEqual(program.wait(), (0, 'written <sys.stdin, restricted>\n', ''))

    def test_programs_are_not_restricted(self):
        program = self.start('import subprocess, sys\nsubprocess.run([sys.executable, "-c", "print(len(input()))"], input=b"four", check=True)\n'
                             + HELLO, restrict='stdin stdout')
        program.ready()
        program.leader.sock.send(b'stop')
        self.assertEqual(program.wait(), (0, '4\n', ''))

    def test_signal(self):
        program = self.start('''
            import signal
            seen = []
            for number in (signal.SIGUSR1, signal.SIGINT, 0):
                try:
                    seen.append(signal.signal(number, lambda *args: None) == signal.getsignal(number))
                except ValueError as err:
                    seen.append(str(err))
            def application(environ, start_response):
                start_response('200 OK', [])
                return [repr(seen).encode()]
        ''', restrict='signal')
        program.ready()
        self.assertEqual(program.get().body, b"[True, True, 'signal number out of range']")
        for number in (10, 2):
            level, request_id, text = program.leader.expect('log')[0][1:]
            self.assertEqual((level, request_id), ('warning', ''))
            self.assertIn('registration for signal %d ignored' % number, text)

    def test_signal_is_free(self):
        program = self.start('import signal\nsignal.signal(signal.SIGUSR1, lambda *args: print("called"))\n' + HELLO)
        program.ready()
        program.popen.send_signal(10)
        while program.popen.stdout.read(7) != b'called\n':
            pass


if __name__ == '__main__':
    unittest.main()
