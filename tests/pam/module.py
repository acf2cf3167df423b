#!/usr/bin/python3
"""The real pam_multidir.so through the real libpam, against a service that this file plays.

Everything that the module finds by its fixed path (the socket, the view, /etc/passwd) is this test's own, in a mount namespace of its own.
Prints "ok" and "not ok" lines; exits 77 (skipped) where it may not make a namespace.
Usage: module.py PAM_MULTIDIR.SO PAM_SETTOK.SO DRIVE MAKE_VIEW
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SOCKET, VIEW = '/run/multidir/auth.sock', '/var/lib/multidir/view'
REASONS = ['unavailable', 'ok', 'user-not-found', 'wrong-password', 'empty-password', 'inactive', 'password-expired', 'no-access', 'seat-limit',
           'throttled', 'exists', 'group-not-found', 'not-a-member', 'already-a-member', 'needs-unmask', 'bad-password', 'circular',
           'permission-denied', 'read-only-kind', 'nesting-not-supported', 'invalid-name', 'id-conflict', 'reserved-name', 'local-account',
           'policy-rejected', 'masked', 'not-checked']
OK, WRONG, EMPTY, EXPIRED, THROTTLED, DENIED, POLICY = (REASONS.index(r) for r in (
    'ok', 'wrong-password', 'empty-password', 'password-expired', 'throttled', 'permission-denied', 'policy-rejected'))
AUTHENTICATE, AUTHENTICATED, CHANGE, CHANGED, SESSION, NOTED = range(1, 7)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack('<I', len(value)) + value


def frame(kind, payload, version=1, magic=b'MD'):
    return magic + bytes([version, kind]) + struct.pack('<I', len(payload)) + payload


def authenticated(reason=OK, user='alice', directory='first', entry=None, must_change=0, words=''):
    entry = 'entry-of-' + user if entry is None else entry
    return frame(AUTHENTICATED, bytes([reason, must_change]) + text(user) + text(directory) + text(entry) + text(words))


def changed(reason=OK, words=''):
    return frame(CHANGED, bytes([reason]) + text(words))


class Fields:
    """The fields of a request, in the order in which they lie."""

    def __init__(self, payload):
        self.payload, self.at = payload, 0

    def byte(self):
        self.at += 1
        return self.payload[self.at - 1]

    def bytes(self):
        length, = struct.unpack_from('<I', self.payload, self.at)
        self.at += 4 + length
        return self.payload[self.at - length:self.at]

    def text(self):
        return self.bytes().decode()


def parse(kind, payload):
    f = Fields(payload)
    if kind == AUTHENTICATE:
        got = {'user': f.text(), 'service': f.text(), 'application': f.text(), 'rhost': f.text(), 'tty': f.text(), 'password': f.bytes()}
    elif kind == CHANGE:
        got = {'user': f.text(), 'service': f.text(), 'application': f.text(), 'as_root': f.byte(), 'check_only': f.byte(), 'old': f.bytes(),
               'new': f.bytes()}
    else:
        got = {'user': f.text(), 'service': f.text(), 'application': f.text()}
    assert f.at == len(payload)
    return got | {'kind': kind}


class Service:
    """Listens on the socket. `answer(request)` gives the bytes to send, or None to keep silent; `pace`: seconds between two bytes."""

    def __init__(self):
        self.answer, self.pace, self.requests = lambda request: None, 0, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        os.chmod(SOCKET, 0o600)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            data = b''
            while len(data) < 8 or len(data) < 8 + struct.unpack_from('<I', data, 4)[0]:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            request = parse(data[3], data[8:])
            self.requests.append(request)
            reply = self.answer(request)
            if reply is None:
                connection.recv(1)
                return
            try:
                for piece in [reply] if not self.pace else [reply[i:i + 1] for i in range(len(reply))]:
                    connection.sendall(piece)
                    time.sleep(self.pace)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(SOCKET)


class World:
    """The namespace's files, and the count of what held."""

    def __init__(self, module, settok, drive, make_view):
        self.module, self.settok, self.drive, self.make_view = module, settok, drive, make_view
        self.folder, self.count, self.failed, self.service = tempfile.mkdtemp(dir='/run'), 0, 0, None
        os.makedirs('/run/multidir', mode=0o755)
        os.makedirs('/var/lib/multidir', mode=0o755, exist_ok=True)
        self.write_view()
        for name, options in {'t': '', 't-ssh': '', 't-app': 'application=ssh', 't-app-host': 'application=host', 't-none': 'application=none',
                              't-bad': 'nosuchoption', 't-quiet': 'quiet', 't-debug': 'debug', 't-try': 'try_first_pass'}.items():
            self.stack(name, ''.join(f'{kind} required {module} {options}\n' for kind in ('auth', 'account', 'session', 'password')))
        for name, options in {'t-before': 'try_first_pass', 't-first': 'use_first_pass', 't-use': 'use_authtok'}.items():
            self.stack(name, f'auth optional {settok} auth=early\nauth required {module} {options}\naccount required {module}\n'
                             f'password optional {settok} auth=earlynew\npassword required {module} {options}\n')
        for name, option in {'t-first-alone': 'use_first_pass', 't-use-alone': 'use_authtok'}.items():
            self.stack(name, f'auth required {module} {option}\npassword required {module} {option}\n')
        # As pam-auth-update lays it out: what is not ours must not decide.
        self.stack('t-account', f'account required pam_permit.so\naccount [success=ok new_authtok_reqd=ok user_unknown=ignore default=bad] {module}\n')

    def stack(self, name, lines):
        with open(f'{self.folder}/{name}', 'w') as f:
            f.write(lines)

    def write_view(self, built=None, max_age=0):
        built = int(time.time()) if built is None else built
        subprocess.run([self.make_view, VIEW + '.new', str(built), str(max_age)], check=True)
        os.chmod(VIEW + '.new', 0o444)
        os.rename(VIEW + '.new', VIEW)

    def start(self, service, user, *steps):
        return subprocess.Popen([self.drive, self.folder, service, user, *steps], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def note(self, name, got, want):
        self.count += 1
        if got == want:
            print(f'ok {self.count} - {name}')
        else:
            self.failed += 1
            print(f'not ok {self.count} - {name}\n#   got  {got!r}\n#   want {want!r}')

    def run(self, service, user, *steps):
        process = self.start(service, user, *steps)
        output, _ = process.communicate(timeout=60)
        lines = output.splitlines()
        return lines if process.returncode == 0 else lines + [f'exit status {process.returncode}']

    def row(self, name, service, user, steps, want, reply=None, requests=None):
        """One conversation. reply: the service's answer (bytes, or a function of the request); requests: fields of what it must have been asked."""
        if self.service:
            self.service.requests.clear()
            self.service.answer = reply if callable(reply) else lambda request: reply
        self.note(name, self.run(service, user, *steps), want)
        if requests is not None:
            got = [{key: request.get(key) for key in expected} for request, expected in zip(self.service.requests, requests)]
            self.note(name + ': asked', (len(self.service.requests), got), (len(requests), requests))


PROMPT, CURRENT, NEW, RETYPE = 'hidden|Password: ', 'hidden|Current password: ', 'hidden|New password: ', 'hidden|Retype new password: '
SAY, SAY_OLD, SAY_NEW = ['say=secret'], ['say=old'], ['say=new', 'say=new']


def by_pass(first, second):
    """The service's answer to a change: one for the check, one for the change."""
    return lambda request: first if request['check_only'] else second


def linkage(w):
    """What the shim may be made of: libc and libpam, six entry points, and nothing that could surprise the program that loads it."""
    def words(*command):
        return subprocess.run([*command, w.module], check=True, capture_output=True, text=True).stdout.splitlines()
    symbols = [line.split()[-1].split('@')[0] for line in words('nm', '-D', '--undefined-only')]
    if any(symbol.startswith(('__asan', '__ubsan', '__tsan', '__gcov')) for symbol in symbols):
        return
    dynamic = words('readelf', '--wide', '--dynamic')
    w.note('linked with libc and libpam only', sorted(line.split('[')[1].rstrip(']') for line in dynamic if '(NEEDED)' in line),
           ['libc.so.6', 'libpam.so.0'])
    w.note('stays loaded', any('NODELETE' in line for line in dynamic), True)
    w.note('exports the six hooks alone', sorted(line.split()[-1] for line in words('nm', '-D', '--defined-only')),
           ['pam_sm_' + hook for hook in ('acct_mgmt', 'authenticate', 'chauthtok', 'close_session', 'open_session', 'setcred')])
    banned = ('getenv', 'secure_getenv', 'select', 'signal', 'sigaction', 'strcpy', 'strcat', 'sprintf', 'system', 'popen', 'fork', 'getpwnam',
              'setenv', 'dlopen', 'printf', 'stderr', 'exit', 'abort', '__tls_get_addr')
    w.note('no environment, signal, process or output of its own', [symbol for symbol in symbols if symbol in banned], [])


def every_reason(w):
    auth = {'ok': 'PAM_SUCCESS', 'unavailable': 'PAM_AUTHINFO_UNAVAIL', 'throttled': 'PAM_MAXTRIES'}
    account = {'ok': 'PAM_SUCCESS', 'unavailable': 'PAM_AUTHINFO_UNAVAIL', 'inactive': 'PAM_ACCT_EXPIRED'}
    both = {'ok': 'PAM_SUCCESS', 'unavailable': 'PAM_AUTHINFO_UNAVAIL', 'throttled': 'PAM_MAXTRIES', 'wrong-password': 'PAM_AUTH_ERR',
            'policy-rejected': 'PAM_AUTHTOK_ERR'}
    first = both | {'empty-password': 'PAM_AUTH_ERR', 'bad-password': 'PAM_AUTH_ERR'}
    second = both | {'empty-password': 'PAM_AUTHTOK_ERR', 'bad-password': 'PAM_AUTHTOK_ERR'}
    refused = 'error|The password was not changed: '
    for number, reason in enumerate(REASONS):
        w.row(f'authenticate: {reason}', 't', 'alice', SAY + ['auth'], [PROMPT, f'auth|{auth.get(reason, "PAM_AUTH_ERR")}|alice'],
              authenticated(number, words=''), [{'kind': AUTHENTICATE, 'user': 'alice', 'password': b'secret'}])
        user = f'reason{number}'
        w.row(f'account: {reason}', 't', user, ['acct'], [f'acct|{account.get(reason, "PAM_PERM_DENIED")}|{user}'], None, [])
        w.row(f'account behind pam_permit: {reason}', 't-account', user, ['acct'], [f'acct|{account.get(reason, "PAM_PERM_DENIED")}|{user}'])
        if reason != 'ok':
            code = first.get(reason, 'PAM_PERM_DENIED')
            shown = [refused + reason] if code in ('PAM_PERM_DENIED', 'PAM_AUTHTOK_ERR') else []
            w.row(f'first pass: {reason}', 't', 'alice', ['ruid=70000'] + SAY_OLD + ['chauthtok'], [CURRENT] + shown + [f'chauthtok|{code}|alice'],
                  changed(number), [{'check_only': 1, 'old': b'old', 'new': b''}])
        code = second.get(reason, 'PAM_PERM_DENIED')
        shown = [refused + reason] if code in ('PAM_PERM_DENIED', 'PAM_AUTHTOK_ERR') else []
        w.row(f'second pass: {reason}', 't', 'alice', ['ruid=70000'] + SAY_OLD + SAY_NEW + ['chauthtok'],
              [CURRENT, NEW, RETYPE] + shown + [f'chauthtok|{code}|alice'], by_pass(changed(), changed(number)),
              [{'check_only': 1}, {'check_only': 0, 'old': b'old', 'new': b'new', 'as_root': 0}])


def who_is_it(w):
    """Names that are not ours, in every hook."""
    deciding = ['auth', 'acct', 'chauthtok', 'setcred', 'open', 'close']

    def all_hooks(code, user, session='PAM_IGNORE'):
        # libpam makes PAM_PERM_DENIED of a stack in which every line is ignored.
        session = {'PAM_IGNORE': 'PAM_PERM_DENIED'}.get(session, session)
        return [f'auth|{code}|{user}', f'acct|{code}|{user}', f'chauthtok|{code}|{user}', f'setcred|{session}|{user}', f'open|{session}|{user}',
                f'close|{session}|{user}']
    for user in ('root', 'ROOT', 'localname', 'LocalName', 'blank'):
        w.row(f'N4: {user} is local, without a prompt', 't', user, deciding, all_hooks('PAM_USER_UNKNOWN', user), authenticated(), [])
        w.row(f'N4: {user} is local, whatever the options', 't-bad', user, ['auth', 'acct'],
              [f'auth|PAM_USER_UNKNOWN|{user}', f'acct|PAM_USER_UNKNOWN|{user}'])
        w.row(f'N4: {user} is local, whatever the application', 't-none', user, ['auth', 'acct'],
              [f'auth|PAM_USER_UNKNOWN|{user}', f'acct|PAM_USER_UNKNOWN|{user}'])
    w.row('another uid in this host\'s look-up', 't', 'alice', ['uid-of=alice:5'] + deciding, all_hooks('PAM_USER_UNKNOWN', 'alice'),
          authenticated(), [])
    w.row('another uid under the typed spelling', 't', 'ALICE', ['uid-of=ALICE:5'] + deciding, all_hooks('PAM_USER_UNKNOWN', 'ALICE'),
          authenticated(), [])
    w.row('another uid under the published spelling', 't', 'ALICE', ['uid-of=alice:5'] + deciding, all_hooks('PAM_USER_UNKNOWN', 'ALICE'),
          authenticated(), [])
    w.row('our own uid in this host\'s look-up', 't', 'alice', ['uid-of=alice:70000'] + SAY + ['auth'], [PROMPT, 'auth|PAM_SUCCESS|alice'],
          authenticated())
    for reply, name in ((authenticated(2), 'not found'), (authenticated(WRONG), 'wrong'), (authenticated(OK, user='zed'), 'even ok'),
                        (authenticated(THROTTLED), 'throttled'), (b'', 'nonsense')):
        w.row(f'L9: unknown name: the same prompt and question; the service says {name}', 't', 'zed', SAY + ['auth'],
              [PROMPT, 'auth|PAM_USER_UNKNOWN|zed'], reply, [{'kind': AUTHENTICATE, 'user': 'zed', 'password': b'secret'}])
    w.row('L9: a name of 255 bytes', 't', 'x' * 255, SAY + ['auth'], [PROMPT, 'auth|PAM_USER_UNKNOWN|' + 'x' * 255], authenticated(2),
          [{'user': 'x' * 255}])
    w.row('L9: a name of 256 bytes is asked about under a name of nobody', 't', 'x' * 256, SAY + ['auth'],
          [PROMPT, 'auth|PAM_USER_UNKNOWN|' + 'x' * 256], authenticated(2), [{'user': '-'}])
    w.row('unknown name: account and session', 't', 'zed', ['acct', 'setcred', 'open', 'close'],
          ['acct|PAM_USER_UNKNOWN|zed', 'setcred|PAM_PERM_DENIED|zed', 'open|PAM_PERM_DENIED|zed', 'close|PAM_PERM_DENIED|zed'], None, [])
    w.row('unknown name: account behind pam_permit', 't-account', 'zed', ['acct'], ['acct|PAM_SUCCESS|zed'], None, [])
    w.row('L9: unknown name: the same prompt in a change', 't', 'zed', ['ruid=70000'] + SAY_OLD + ['chauthtok'],
          [CURRENT, 'chauthtok|PAM_USER_UNKNOWN|zed'], changed(), [{'kind': CHANGE, 'user': 'zed', 'check_only': 1, 'old': b'old'}])
    w.row('unknown name: root is not asked', 't', 'zed', ['chauthtok'], ['chauthtok|PAM_USER_UNKNOWN|zed'], changed(), [])


def applications(w):
    w.row('application by PAM service', 't-ssh', 'alice', ['acct'], ['acct|PAM_PERM_DENIED|alice'])
    w.row('application by option', 't-app', 'alice', ['acct'], ['acct|PAM_PERM_DENIED|alice'])
    w.row('host by option', 't-app-host', 'alice', ['acct'], ['acct|PAM_SUCCESS|alice'])
    w.row('host where none names the service', 't', 'alice', ['acct'], ['acct|PAM_SUCCESS|alice'])
    w.row('the option and the service are sent', 't-app', 'other', SAY + ['rhost=192.0.2.1', 'auth'], [PROMPT, 'auth|PAM_SUCCESS|other'],
          authenticated(user='other', directory='second', entry='entry-in-second'),
          [{'application': 'ssh', 'service': 't-app', 'rhost': '192.0.2.1', 'tty': ''}])
    for service in ('t-none', 't-bad'):
        for user in ('alice', 'zed'):
            w.row(f'{service}: PAM_SERVICE_ERR for {user}', service, user, ['auth', 'acct', 'chauthtok', 'setcred', 'open', 'close'],
                  [f'{hook}|PAM_SERVICE_ERR|{user}' for hook in ('auth', 'acct', 'chauthtok', 'setcred', 'open', 'close')], authenticated(), [])


def spelling_and_state(w):
    w.row('N1: PAM_USER is the published spelling', 't', 'ALICE', SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_SUCCESS|alice'], authenticated(), [{'user': 'ALICE'}])
    w.row('N1: a preserved spelling', 't', 'bobbig', SAY + ['auth', 'acct'], [PROMPT, 'auth|PAM_SUCCESS|BobBig', 'acct|PAM_SUCCESS|BobBig'],
          authenticated(user='BobBig'))
    w.row('N1: the account phase alone', 't', 'BOBBIG', ['acct'], ['acct|PAM_SUCCESS|BobBig'])
    w.row('a refused user keeps the typed spelling', 't', 'ALICE', SAY + ['auth'], [PROMPT, 'auth|PAM_AUTH_ERR|ALICE'], authenticated(WRONG))
    w.row('L12: another entry was checked', 't', 'alice', SAY + ['auth', 'acct'], [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_PERM_DENIED|alice'],
          authenticated(entry='another'))
    w.row('L12: another directory was asked', 't', 'alice', SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_PERM_DENIED|alice'], authenticated(directory='second'))
    w.row('M8: the application\'s own pair', 't-app', 'other', SAY + ['auth', 'acct'], [PROMPT, 'auth|PAM_SUCCESS|other', 'acct|PAM_SUCCESS|other'],
          authenticated(user='other', directory='second', entry='entry-in-second'))
    w.row('L12: the pair of another application', 't-app', 'other', SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|other', 'acct|PAM_PERM_DENIED|other'], authenticated(user='other'))
    w.row('L7: must change is learnt once, for this user', 't', 'alice', SAY + ['auth', 'acct', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'info|Expires today', 'acct|PAM_NEW_AUTHTOK_REQD|alice', 'acct|PAM_NEW_AUTHTOK_REQD|alice'],
          authenticated(must_change=1, words='Expires today'))
    w.row('L7: behind pam_permit too', 't', 'alice', SAY + ['auth', 'acct-silent'], [PROMPT, 'auth|PAM_SUCCESS|alice',
          'acct-silent|PAM_NEW_AUTHTOK_REQD|alice'], authenticated(must_change=1, words='Expires today'))
    w.row('L7: not by key', 't', 'alice', ['acct'], ['acct|PAM_SUCCESS|alice'])
    w.row('sudo changes PAM_USER: nothing is carried over', 't', 'alice', SAY + ['auth', 'user=BobBig', 'acct', 'user=alice', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_SUCCESS|BobBig', 'acct|PAM_NEW_AUTHTOK_REQD|alice'], authenticated(must_change=1))
    w.row('a second authenticate forgets the first', 't', 'alice', SAY + SAY + ['auth', 'auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', PROMPT, 'auth|PAM_AUTH_ERR|alice', 'acct|PAM_SUCCESS|alice'],
          lambda request, once=[]: once.append(1) or (authenticated(must_change=1) if len(once) == 1 else authenticated(WRONG)))
    w.row('L7: after the change it is over', 't', 'alice', SAY + ['auth', 'acct'] + SAY_OLD + SAY_NEW + ['chauthtok-expired', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_NEW_AUTHTOK_REQD|alice', CURRENT, NEW, RETYPE, 'chauthtok-expired|PAM_SUCCESS|alice',
           'acct|PAM_SUCCESS|alice'], lambda request: authenticated(must_change=1) if request['kind'] == AUTHENTICATE else changed())
    w.row('L7: expired and not to be changed here: the reason, and no entry', 't', 'alice', SAY + ['auth'],
          [PROMPT, 'error|Your password has expired.', 'auth|PAM_AUTH_ERR|alice'],
          authenticated(EXPIRED, directory='', entry='', words='Your password has expired.'))
    w.row('L9: no other denial shows a text', 't', 'alice', SAY + ['auth'], [PROMPT, 'auth|PAM_AUTH_ERR|alice'], authenticated(WRONG, words='inactive'))
    w.row('control characters of a text are not shown', 't', 'alice', SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'info|a?[1mb?c', 'acct|PAM_SUCCESS|alice'], authenticated(words='a\x1b[1mb\nc'))
    w.row('quiet', 't-quiet', 'alice', SAY + ['auth', 'acct'], [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_SUCCESS|alice'],
          authenticated(words='hello'))
    w.row('debug', 't-debug', 'alice', SAY + ['auth', 'acct', 'open'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_SUCCESS|alice', 'open|PAM_SUCCESS|alice'], authenticated())


def passwords(w):
    def asked(password):
        return [{'password': password}]
    ok = authenticated()
    w.row('L8: empty, even if the service would accept it', 't', 'alice', ['say=', 'auth'], [PROMPT, 'auth|PAM_AUTH_ERR|alice'], ok, asked(b''))
    w.row('L8: empty, unknown name', 't', 'zed', ['say=', 'auth'], [PROMPT, 'auth|PAM_USER_UNKNOWN|zed'], ok, asked(b''))
    w.row('L8: 1,024 bytes', 't', 'alice', ['say=' + 'p' * 1024, 'auth'], [PROMPT, 'auth|PAM_SUCCESS|alice'], ok, asked(b'p' * 1024))
    w.row('L8: 1,025 bytes are not sent, even if the service would accept them', 't', 'alice', ['say=' + 'p' * 1025, 'auth'],
          [PROMPT, 'auth|PAM_AUTH_ERR|alice'], ok, asked(b'\0'))
    w.row('L8: 100,000 bytes, unknown name', 't', 'zed', ['say=' + 'p' * 100000, 'auth'], [PROMPT, 'auth|PAM_USER_UNKNOWN|zed'], ok, asked(b'\0'))
    w.row('L8: the service down is said all the same', 't', 'alice', ['say=', 'auth'], [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|alice'],
          authenticated(0), asked(b''))
    w.row('bytes of any kind', 't', 'alice', ['say=p\u00e4ss: %s', 'auth'], [PROMPT, 'auth|PAM_SUCCESS|alice'], ok, asked('p\u00e4ss: %s'.encode()))
    w.row('the program gives no password', 't', 'alice', ['auth'], [PROMPT, 'auth|PAM_AUTHTOK_ERR|alice'], ok, [])
    w.row('the program gives no password, unknown name', 't', 'zed', ['auth'], [PROMPT, 'auth|PAM_AUTHTOK_ERR|zed'], ok, [])
    w.row('dropbear: one hidden message and nothing else', 't', 'alice', ['dropbear'] + SAY + ['auth', 'acct-silent'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct-silent|PAM_SUCCESS|alice'], authenticated(words='hello'))
    w.row('dropbear: that a text cannot be shown changes nothing', 't', 'alice', ['dropbear'] + SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'info|hello', 'acct|PAM_SUCCESS|alice'], authenticated(words='hello'))
    for service in ('t-before', 't-first'):
        w.row(f'{service}: the password of an earlier line, no prompt', service, 'alice', ['auth'], ['auth|PAM_SUCCESS|alice'], ok, asked(b'early'))
    w.row('use_first_pass alone never prompts', 't-first-alone', 'alice', SAY + ['auth'],
          ['auth|PAM_AUTH_ERR|alice', '1 answers were not asked for'], ok, [])
    w.row('try_first_pass alone prompts', 't-try', 'alice', SAY + ['auth'], [PROMPT, 'auth|PAM_SUCCESS|alice'], ok, asked(b'secret'))


def changes(w):
    user, both = ['ruid=70000'], by_pass(changed(), changed())
    good = [CURRENT, NEW, RETYPE, 'chauthtok|PAM_SUCCESS|alice']
    w.row('a user: old once, new twice', 't', 'alice', user + SAY_OLD + SAY_NEW + ['chauthtok'], good, both,
          [{'user': 'alice', 'service': 't', 'application': '', 'as_root': 0, 'check_only': 1, 'old': b'old', 'new': b''},
           {'user': 'alice', 'service': 't', 'application': '', 'as_root': 0, 'check_only': 0, 'old': b'old', 'new': b'new'}])
    w.row('root: no old password', 't', 'alice', SAY_NEW + ['chauthtok'], [NEW, RETYPE, 'chauthtok|PAM_SUCCESS|alice'], both,
          [{'as_root': 1, 'check_only': 1, 'old': b'', 'new': b''}, {'as_root': 1, 'check_only': 0, 'old': b'', 'new': b'new'}])
    w.row('root, expired: the old password', 't', 'alice', SAY_OLD + SAY_NEW + ['chauthtok-expired'],
          [CURRENT, NEW, RETYPE, 'chauthtok-expired|PAM_SUCCESS|alice'], both, [{'as_root': 0, 'old': b'old'}, {'as_root': 0, 'old': b'old'}])
    w.row('a wrong old password ends it', 't', 'alice', user + SAY_OLD + ['chauthtok'], [CURRENT, 'chauthtok|PAM_AUTH_ERR|alice'],
          changed(WRONG, 'no'), [{'check_only': 1}])
    w.row('L8: an empty old password, even if the service would accept it', 't', 'alice', user + ['say=', 'chauthtok'],
          [CURRENT, 'chauthtok|PAM_AUTH_ERR|alice'], changed(), [{'check_only': 1, 'old': b''}])
    w.row('L8: an over-long old password', 't', 'alice', user + ['say=' + 'p' * 1025, 'chauthtok'], [CURRENT, 'chauthtok|PAM_AUTH_ERR|alice'],
          changed(), [{'check_only': 1, 'old': b'\0'}])
    w.row('not typed alike', 't', 'alice', ['say=new', 'say=newer', 'chauthtok'],
          [NEW, RETYPE, 'error|Sorry, passwords do not match.', 'chauthtok|PAM_AUTHTOK_ERR|alice'], both, [{'check_only': 1}])
    w.row('L8: an empty new password is not sent', 't', 'alice', ['say=', 'say=', 'chauthtok'],
          [NEW, RETYPE, 'error|The password was not changed: empty-password', 'chauthtok|PAM_AUTHTOK_ERR|alice'], both, [{'check_only': 1}])
    w.row('L8: an over-long new password is not sent', 't', 'alice', ['say=' + 'p' * 1025] * 2 + ['chauthtok'],
          [NEW, RETYPE, 'error|The password was not changed: bad-password', 'chauthtok|PAM_AUTHTOK_ERR|alice'], both, [{'check_only': 1}])
    w.row('P6: the reason is shown before anything is typed', 't', 'alice', ['chauthtok'],
          ['error|alice, directory first: modify-user is off', 'chauthtok|PAM_PERM_DENIED|alice'],
          changed(DENIED, 'alice, directory first: modify-user is off'), [{'check_only': 1}])
    w.row('P6: silent is silent', 't', 'alice', ['chauthtok-silent'], ['chauthtok-silent|PAM_PERM_DENIED|alice'], changed(DENIED, 'no'))
    w.row('the server\'s policy text', 't', 'alice', SAY_NEW + ['chauthtok'], [NEW, RETYPE, 'error|Too short', 'chauthtok|PAM_AUTHTOK_ERR|alice'],
          by_pass(changed(), changed(POLICY, 'Too short')))
    w.row('a text beside success', 't', 'alice', SAY_NEW + ['chauthtok'], [NEW, RETYPE, 'info|Changed', 'chauthtok|PAM_SUCCESS|alice'],
          by_pass(changed(), changed(OK, 'Changed')))
    w.row('use_authtok: the new password of an earlier line', 't-use', 'alice', ['chauthtok'], ['chauthtok|PAM_SUCCESS|alice'], both,
          [{'check_only': 1}, {'new': b'earlynew'}])
    w.row('try_first_pass: the same', 't-before', 'alice', ['chauthtok'], ['chauthtok|PAM_SUCCESS|alice'], both,
          [{'check_only': 1}, {'new': b'earlynew'}])
    w.row('use_authtok alone never prompts', 't-use-alone', 'alice', ['chauthtok'], ['chauthtok|PAM_AUTHTOK_ERR|alice'], both, [{'check_only': 1}])


def sessions(w):
    noted = frame(NOTED, b'')
    w.row('setcred and session', 't', 'alice', ['setcred', 'open', 'close'],
          ['setcred|PAM_SUCCESS|alice', 'open|PAM_SUCCESS|alice', 'close|PAM_SUCCESS|alice'], noted,
          [{'kind': SESSION, 'user': 'alice', 'service': 't', 'application': ''}])
    w.row('the published spelling is noted', 't-app', 'ALICE', ['open'], ['open|PAM_SUCCESS|ALICE'], noted,
          [{'kind': SESSION, 'user': 'alice', 'application': 'ssh'}])
    w.row('a session that cannot be noted', 't', 'alice', ['open'], ['open|PAM_SUCCESS|alice'], b'nonsense')


def nonsense(w):
    good = authenticated()
    replies = {'nothing': b'', 'half a header': good[:4], 'no payload': good[:8], 'all but one byte': good[:-1], 'bad magic': b'XX' + good[2:],
               'a newer version': frame(AUTHENTICATED, good[8:], version=2), 'another type': frame(CHANGED, good[8:]),
               'the request\'s type': frame(AUTHENTICATE, good[8:]), 'a byte too much inside': frame(AUTHENTICATED, good[8:] + b'x'),
               'a huge length': b'MD\x01\x02' + b'\xff' * 4, 'a reason out of range': frame(AUTHENTICATED, bytes([200]) + good[9:]),
               'a flag that is none': frame(AUTHENTICATED, bytes([OK, 7]) + good[10:]), 'success of another user': authenticated(user='BobBig'),
               'success without a user': authenticated(user='', entry='e'), 'success without a directory': authenticated(directory=''),
               'success without an entry': authenticated(entry=''), 'a name with a NUL': authenticated(user='alice\0', entry='e'),
               'a name too long': authenticated(user='a' * 256, entry='e'), 'a text too long': authenticated(words='t' * 513)}
    for name, reply in replies.items():
        w.row(f'nonsense: {name}', 't', 'alice', SAY + ['auth', 'acct'],
              [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|alice', 'acct|PAM_SUCCESS|alice'], reply)
    w.row('nonsense in a change', 't', 'alice', ['chauthtok'], ['chauthtok|PAM_AUTHINFO_UNAVAIL|alice'], good)


def slow(w):
    """Both at once: a service that keeps silent, and one that gives a byte a second."""
    w.service.answer = lambda request: None if request['user'] == 'alice' else authenticated(user='BobBig')
    w.service.pace = 1
    started = time.monotonic()
    silent, drip = w.start('t', 'alice', *SAY, 'auth'), w.start('t', 'BobBig', *SAY, 'auth')
    outputs = [silent.communicate(timeout=60)[0].splitlines(), drip.communicate(timeout=60)[0].splitlines()]
    took = time.monotonic() - started
    w.note('R11: a silent service', outputs[0], [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|alice'])
    w.note('R11: a dripping service', outputs[1], [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|BobBig'])
    w.note('R11: both by the deadline', 9.5 < took < 14, True)
    w.service.answer, started = lambda request: None, time.monotonic()
    w.note('a silent service at a session\'s start', w.run('t', 'alice', 'open'), ['open|PAM_SUCCESS|alice'])
    w.note('a session\'s start waits for a second at most', time.monotonic() - started < 3, True)
    w.service.pace = 0


def no_service(w):
    w.row('no service: names of the view', 't', 'alice', SAY + ['auth', 'acct', 'open', 'close', 'chauthtok'],
          [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|alice', 'acct|PAM_SUCCESS|alice', 'open|PAM_SUCCESS|alice', 'close|PAM_SUCCESS|alice',
           'chauthtok|PAM_AUTHINFO_UNAVAIL|alice'])
    w.row('no service: setcred', 't', 'alice', ['setcred'], ['setcred|PAM_SUCCESS|alice'])
    w.row('no service: the same for a user', 't', 'alice', ['ruid=70000'] + SAY_OLD + ['chauthtok'], [CURRENT, 'chauthtok|PAM_AUTHINFO_UNAVAIL|alice'])
    w.row('no service: unknown names', 't', 'zed', SAY + ['auth'], [PROMPT, 'auth|PAM_USER_UNKNOWN|zed'])
    w.row('no service: local accounts', 't', 'root', ['auth', 'acct', 'chauthtok'],
          ['auth|PAM_USER_UNKNOWN|root', 'acct|PAM_USER_UNKNOWN|root', 'chauthtok|PAM_USER_UNKNOWN|root'])


def server_not_root(w):
    """Somebody else listens where the service should: no password for them."""
    os.chmod('/run/multidir', 0o777)
    received, sent = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(SOCKET)
        listener.listen(8)
        os.write(sent, b'listening\n')
        while True:
            connection, _ = listener.accept()
            connection.settimeout(0.5)
            try:
                os.write(sent, b'got %d\n' % len(connection.recv(4096)))
                connection.sendall(authenticated())
            except OSError:
                pass
    os.read(received, 100)
    w.note('a server that is not root', w.run('t', 'alice', *SAY, 'auth'), [PROMPT, 'auth|PAM_AUTHINFO_UNAVAIL|alice'])
    w.note('a server that is not root gets no byte', os.read(received, 100), b'got 0\n')
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.unlink(SOCKET)
    os.chmod('/run/multidir', 0o755)


def views(w):
    w.write_view(int(time.time()) - 1000, 900)
    w.row('account_max_age: an older view', 't', 'alice', ['acct'], ['acct|PAM_AUTHINFO_UNAVAIL|alice'])
    w.row('account_max_age: local accounts', 't', 'root', ['acct'], ['acct|PAM_USER_UNKNOWN|root'])
    w.write_view(int(time.time()) - 1000, 2000)
    w.row('account_max_age: a younger view', 't', 'alice', ['acct'], ['acct|PAM_SUCCESS|alice'])
    w.write_view(1, 0)
    w.row('account_max_age: no limit', 't', 'alice', ['acct'], ['acct|PAM_SUCCESS|alice'])

    def none(name):
        for user in ('alice', 'zed'):
            w.row(f'{name}: {user}', 't', user, ['auth', 'acct', 'chauthtok', 'setcred', 'open', 'close'],
                  [f'auth|PAM_AUTHINFO_UNAVAIL|{user}', f'acct|PAM_AUTHINFO_UNAVAIL|{user}', f'chauthtok|PAM_AUTHINFO_UNAVAIL|{user}',
                   f'setcred|PAM_PERM_DENIED|{user}', f'open|PAM_PERM_DENIED|{user}', f'close|PAM_PERM_DENIED|{user}'])
        w.row(f'{name}: local accounts', 't', 'root', ['auth', 'acct', 'chauthtok'],
              ['auth|PAM_USER_UNKNOWN|root', 'acct|PAM_USER_UNKNOWN|root', 'chauthtok|PAM_USER_UNKNOWN|root'])
    with open(VIEW, 'rb') as f:
        good = f.read()
    for name, content in (('empty view', b''), ('cut view', good[:300]), ('another version', good[:8] + b'\x63' + good[9:]), ('zeros', bytes(8192))):
        with open(VIEW + '.bad', 'wb') as f:
            f.write(content)
        os.rename(VIEW + '.bad', VIEW)
        none(name)
    os.unlink(VIEW)
    none('no view')
    os.rename('/var/lib/multidir', '/var/lib/elsewhere')
    none('no folder')


def enter_namespace():
    if os.geteuid() != 0 or subprocess.run(['unshare', '--mount', 'true'], check=False).returncode != 0:
        print('needs root and a mount namespace: skipped')
        sys.exit(77)
    os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', sys.executable, *sys.argv, '--inside'])


def main():
    if '--inside' not in sys.argv:
        enter_namespace()
    for path in ('/run', '/var/lib'):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', path], check=True)
    with open('/run/passwd', 'w') as f:
        f.write('root:x:0:0:root:/root:/bin/bash\nLocalName:x:1001:1001::/:/bin/sh\n  blank:x:1002:1002::/:/bin/sh\n')
    subprocess.run(['mount', '--bind', '/run/passwd', '/etc/passwd'], check=True)
    w = World(*(os.path.abspath(a) for a in sys.argv[1:5]))
    w.service = Service()
    for part in (linkage, every_reason, who_is_it, applications, spelling_and_state, passwords, changes, sessions, nonsense, slow):
        part(w)
    w.service.stop()
    w.service = None
    for part in (no_service, server_not_root, views):
        part(w)
    print(f'1..{w.count}\n# {w.failed} failed')
    sys.exit(w.failed > 0)


if __name__ == '__main__':
    main()
