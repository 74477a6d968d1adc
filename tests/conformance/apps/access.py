"""The functions of WSGIAccessScript, WSGIAuthUserScript and WSGIAuthGroupScript.

allow_access refuses paths that end in /refused, and answers nonsense for /nonsense.
"""

import hashlib

PASSWORDS = {'ann': 'one', 'bob': 'two', 'zo\u00eb': 'dr\u00e9i'}
GROUPS = {'ann': ['staff', 'writers'], 'bob': ('writers',)}


def allow_access(environ, host):
    path = environ['SCRIPT_NAME'] + environ['PATH_INFO']
    if path.endswith('/nonsense'):
        return 'perhaps'
    if path.endswith('/undecided'):
        return None
    return not path.endswith('/refused') and host == environ['REMOTE_ADDR']


def check_password(environ, user, password):
    if user == 'raise':
        raise RuntimeError('the users cannot be asked')
    if user not in PASSWORDS:
        return None
    return PASSWORDS[user] == password


def get_realm_hash(environ, user, realm):
    if user not in PASSWORDS:
        return None
    return hashlib.md5(('%s:%s:%s' % (user, realm, PASSWORDS[user])).encode()).hexdigest()


def groups_for_user(environ, user):
    return GROUPS.get(user, [])
