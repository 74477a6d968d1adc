"""Answers in every form that an application's result may have, one per path.

What happened to results is noted: /events answers the notes so far, and forgets them.
"""

EVENTS = []
ROUTES = {}

def route(function):
    ROUTES['/' + function.__name__] = function
    return function

def begin(start_response, *more):
    start_response('200 OK', [('Content-Type', 'text/plain'), *more])

@route
def events(start_response, query):
    begin(start_response)
    noted = ' '.join(EVENTS)
    EVENTS.clear()
    return [noted.encode()]

@route
def one(start_response, query):
    begin(start_response)
    return [b'one']

@route
def three(start_response, query):
    begin(start_response)
    return [b'one ', b'two ', b'three']

@route
def as_tuple(start_response, query):
    begin(start_response)
    return (b'one ', b'two')

@route
def as_set(start_response, query):
    begin(start_response)
    return {b'one'}

@route
def as_bytes_iterator(start_response, query):
    begin(start_response)
    return iter([b'one ', b'two'])

@route
def nothing(start_response, query):
    begin(start_response)
    return []

@route
def nothing_generated(start_response, query):
    begin(start_response)
    return iter(())

@route
def empty_blocks(start_response, query):
    begin(start_response)
    return iter([b'', b'one', b'', b' two', b''])

@route
def generator(start_response, query):
    begin(start_response)
    yield b'one '
    yield b'two'

@route
def hundred(start_response, query):
    begin(start_response)
    for number in range(100):
        yield b'%02d\n' % number

@route
def started_late(start_response, query):
    def blocks():
        begin(start_response)
        yield b'late'
    return blocks()

@route
def large(start_response, query):
    begin(start_response)
    return [b'x' * int(query)]

@route
def large_generated(start_response, query):
    begin(start_response)
    return (b'y' * 1000 for _ in range(int(query)))

@route
def exact_length(start_response, query):
    begin(start_response, ('Content-Length', '7'))
    return [b'one ', b'two']

@route
def too_long(start_response, query):
    begin(start_response, ('Content-Length', '5'))
    yield b'one'
    yield b' two'
    yield b' three'

@route
def too_short(start_response, query):
    begin(start_response, ('Content-Length', '100'), ('X-To-Be-Cut', 'yes'))
    yield b'one'

class Closing:
    def __init__(self, blocks, fault=None):
        self.blocks = iter(blocks)
        self.fault = fault

    def __iter__(self):
        return self

    def __next__(self):
        for block in self.blocks:
            return block
        if self.fault:
            raise self.fault
        raise StopIteration

    def close(self):
        EVENTS.append('closed')

@route
def closing(start_response, query):
    begin(start_response)
    return Closing([b'one ', b'two'])

@route
def closing_after_fault(start_response, query):
    begin(start_response)
    return Closing([], ValueError('before the first block'))

@route
def closing_after_cut(start_response, query):
    begin(start_response, ('X-To-Be-Cut', 'yes'))
    return Closing([b'one'], ValueError('after the first block'))

@route
def endless(start_response, query):
    begin(start_response)
    try:
        while True:
            yield b'z' * 65536
    except GeneratorExit:
        EVENTS.append('GeneratorExit')
        raise

@route
def raise_at_once(start_response, query):
    raise ValueError('at once')

@route
def raise_in_generator(start_response, query):
    begin(start_response)
    raise ValueError('before the first block')
    yield b'never'

@route
def raise_later(start_response, query):
    begin(start_response, ('X-To-Be-Cut', 'yes'))
    yield b'one'
    raise ValueError('after the first block')

@route
def raise_later_with_length(start_response, query):
    begin(start_response, ('X-To-Be-Cut', 'yes'), ('Content-Length', '100'))
    yield b'one'
    raise ValueError('after the first block')

@route
def system_exit(start_response, query):
    raise SystemExit(1)

@route
def keyboard_interrupt(start_response, query):
    raise KeyboardInterrupt

@route
def own_base_exception(start_response, query):
    class Odd(BaseException):
        pass
    raise Odd('neither Exception')

@route
def text_block(start_response, query):
    begin(start_response)
    return ['text']

@route
def number_block(start_response, query):
    begin(start_response)
    return iter([1])

@route
def bytearray_block(start_response, query):
    begin(start_response)
    return iter([bytearray(b'one')])

@route
def not_iterable(start_response, query):
    begin(start_response)
    return 7

@route
def no_result(start_response, query):
    begin(start_response)

@route
def never_started(start_response, query):
    return [b'one']

def application(environ, start_response):
    return ROUTES[environ['PATH_INFO']](start_response, environ['QUERY_STRING'])
