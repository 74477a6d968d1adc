"""The transcripts of the worker link, with the front end's part played here."""

import ast
import os
import re
import tempfile
import unittest

from support import TRANSCRIPTS, Worker

MASKED = re.compile('#+')


class Transcript:
    """One file of wire/testdata; transcript_test.go there explains the form."""

    def __init__(self, path):
        parts = re.split(r'^-- (\S+) --\n', path.read_text(), flags=re.M)
        files = dict(zip(parts[1::2], parts[2::2]))
        namespace = {}
        exec(compile(files['application.py'], str(path), 'exec'), namespace)
        self.application = namespace['application']
        self.steps = list(steps(files['exchange'].splitlines()))


def steps(lines):
    lines = iter(lines)
    for line in lines:
        direction, name, rest = re.match(r'([<>]) (\S+) ?(.*)', line).groups()
        keys = {key: value(text) for key, text in
                re.findall(r'(\w[\w-]*)=("(?:[^"\\]|\\.)*"(?:\*\d+)?|\S+)', rest)}
        yield direction, name, keys, '' if name == 'descriptor' else next(lines)


def value(text):
    """A quoted string, perhaps repeated, as bytes; anything else as it is."""
    if not text.startswith('"'):
        return text
    string, _, times = text.rpartition('*') if not text.endswith('"') else (text, '', '1')
    return ast.literal_eval('b' + string) * int(times)


class TranscriptTest(unittest.TestCase):

    def play(self, transcript):
        worker = Worker(transcript.application)
        self.addCleanup(worker.close)
        for direction, name, keys, header in transcript.steps:
            if direction == '>':
                self.send(worker.front, keys, header)
            elif name == 'descriptor':
                self.check_descriptor(worker.front, keys)
            else:
                self.check_frame(worker.front, keys, header)
        self.assertTrue(worker.front.silent(), 'the worker sent more than the transcript has')

    def send(self, front, keys, header):
        data = bytes.fromhex(header) + keys.get('head', b'') + keys.get('body', b'')
        if 'file' not in keys:
            front.send_frame(data)
            return
        with tempfile.TemporaryFile() as file:
            file.write(keys['file'])
            file.flush()
            front.send_with_descriptor(data, file.fileno())

    def check_frame(self, front, keys, header):
        frame = front.frame()
        got, want = frame.header.hex(), header.replace(' ', '')
        for masked in MASKED.finditer(want):
            got = got[:masked.start()] + masked.group() + got[masked.end():]
        self.assertEqual(got, want)
        self.assertEqual(frame.head, keys.get('head', b''))
        self.assertEqual(frame.body, keys.get('body', b''))

    def check_descriptor(self, front, keys):
        byte, fd = front.descriptor()
        try:
            self.assertEqual(byte, keys['byte'])
            self.assertEqual(os.pread(fd, 1 << 20, int(keys['offset'])), keys['file'])
        finally:
            os.close(fd)


def add_tests():
    for path in sorted(TRANSCRIPTS.glob('*.txtar')):
        def test(self, path=path):
            self.play(Transcript(path))
        setattr(TranscriptTest, 'test_' + path.stem.replace('-', '_'), test)


add_tests()


class TranscriptsAreThere(unittest.TestCase):

    def test_found(self):
        self.assertGreater(len(list(TRANSCRIPTS.glob('*.txtar'))), 15)


if __name__ == '__main__':
    unittest.main()
