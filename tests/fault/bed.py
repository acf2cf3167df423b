"""The bed of the fault tests: private folders, the service as a child process, raw clients of its two sockets, and the view file.

Relies on: root in mount, network and process namespaces of its own (run.sh makes them); nothing but python's standard library.
Must never: run outside such namespaces: it mounts over /etc, /run and /var/lib/multidir.
"""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

if 'MULTIDIR_IN_NAMESPACE' not in os.environ:
    sys.exit('bed.py: run it through run.sh: it would mount over this host\'s /etc and /run')
BUILD = pathlib.Path(sys.argv[1])
BINARY = BUILD / 'multidird' / 'multidird'
STATE = pathlib.Path('/var/lib/multidir')
VIEW = STATE / 'view'
RUN = pathlib.Path('/run/multidir')
CONF = pathlib.Path('/etc/multidir/multidir.conf')
TOP = pathlib.Path('/tmp/multidir-fault')
UID, GID = 990, 990
WORKER_UID = 991

AUTHENTICATE, AUTHENTICATED, CHANGE_PASSWORD, CHANGED, SESSION, SESSION_NOTED = 1, 2, 3, 4, 5, 6
ADMIN, ADMIN_PROGRESS, ADMIN_REPLY = 16, 17, 18
REASONS = ['unavailable', 'ok', 'user-not-found', 'wrong-password', 'empty-password', 'inactive', 'password-expired', 'no-access',
           'seat-limit', 'throttled', 'exists', 'group-not-found', 'not-a-member', 'already-a-member', 'needs-unmask', 'bad-password',
           'circular', 'permission-denied', 'read-only-kind', 'nesting-not-supported', 'invalid-name', 'id-conflict', 'reserved-name',
           'local-account', 'policy-rejected', 'masked', 'not-checked']
CONFIG = """[service]
login_deadline = {deadline}
[directory/d1]
type = internal
[directory/d2]
type = internal
[application/host]
directories = d1, d2
[application/host/d1]
allow_all = yes
[application/host/d2]
allow_groups = crew
[application/second]
services = second
directories = d2
[application/second/d2]
allow_all = yes
"""

failures = 0


def check(name, got, want=True):
    """One case: prints its line."""
    global failures
    good = want(got) if callable(want) else got == want
    if not good:
        failures += 1
    print(f'{"ok" if good else "not ok"} {name}' + ('' if good else f': got {got!r}' + ('' if callable(want) else f', want {want!r}')),
          flush=True)
    return good


def done():
    log = (TOP / 'log').read_text(errors='replace') if (TOP / 'log').exists() else ''
    check('no sanitizer has anything to say', [line for line in log.splitlines() if 'runtime error' in line or 'Sanitizer' in line], [])
    print('# end', flush=True)
    sys.exit(1 if failures else 0)


def mount(kind, target, options):
    subprocess.run(['mount', '-t', kind, '-o', options, kind, str(target)], check=True)


def make(state_size='256m'):
    """The folders. state_size: of the tmpfs under /var/lib/multidir."""
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    TOP.mkdir(exist_ok=True)
    mount('tmpfs', TOP, 'mode=0755')
    for part in ('upper', 'work'):
        (TOP / part).mkdir()
    mount('overlay', '/etc', f'lowerdir=/etc,upperdir={TOP}/upper,workdir={TOP}/work')
    mount('tmpfs', '/run', 'mode=0755')
    STATE.mkdir(exist_ok=True, parents=True)
    mount('tmpfs', STATE, f'mode=0755,size={state_size}')
    add_account('multidir', UID)
    add_account('multidir-worker', WORKER_UID)
    subprocess.run(['rm', '-rf', '/etc/multidir'], check=True)
    (CONF.parent / 'multidir.conf.d').mkdir(parents=True)
    configure()


def replace(path, text):
    """As useradd does: a new file renamed over the old one."""
    path = pathlib.Path(path)
    new = path.with_name(path.name + '+')
    new.write_text(text)
    new.chmod(0o644)
    new.rename(path)


def add_account(name, number):
    replace('/etc/group', pathlib.Path('/etc/group').read_text() + f'{name}:x:{number}:\n')
    replace('/etc/passwd', pathlib.Path('/etc/passwd').read_text() + f'{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n')


def configure(text=None, deadline='8s'):
    replace(CONF, text if text is not None else CONFIG.format(deadline=deadline))


def children(pid, role=''):
    """The live children of a process whose command line has the role."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / 'stat').read_text().rpartition(')')[2].split()
            line = (entry / 'cmdline').read_bytes().replace(b'\0', b' ').decode()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != 'Z' and role in line:
            found.append(int(entry.name))
    return sorted(found)


def freeze(pid):
    """Stops the process, and waits until none of its threads goes on."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(task.read_text().rpartition(')')[2].split()[0] in 'TtZ' for task in pathlib.Path(f'/proc/{pid}/task').glob('*/stat')), 5)


def ended(pid):
    """It has no descriptor any more: a zombie, or gone."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


def wait_for(condition, limit=10.0, step=0.01):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(step)
    return condition()


class Service:
    """multidird as a child. Its log goes to a file."""

    def __init__(self, arguments=(), environment=None, prefix=()):
        self.log_path = TOP / 'log'
        self.log = open(self.log_path, 'ab')
        self.start = self.log.tell()
        self.process = subprocess.Popen([*prefix, BINARY, *arguments], stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={} if environment is None else environment)
        self.pid = self.process.pid

    def wait_ready(self, limit=10):
        """Until status says 0: the first view of this run is published."""
        def good():
            try:
                return admin('status')['exit'] == 0
            except (OSError, EOFError):
                return False
        return wait_for(good, limit)

    def stop(self, number=signal.SIGTERM, limit=10):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(limit)

    def text(self):
        return self.log_path.read_bytes()[self.start:].decode(errors='replace')

    def keeper(self):
        return next(iter(children(self.pid, '--role=keeper')), None)

    def checkers(self, directory=None):
        return children(self.pid, '--role=checker' + (f' --directory={directory}' if directory else ''))

    def workers(self, directory=None):
        return children(self.pid, '--role=worker' + (f' --directory={directory}' if directory else ''))


def started(**options):
    service = Service(**options)
    if not service.wait_ready():
        print(service.text(), file=sys.stderr)
        raise RuntimeError('the service does not become ready')
    return service


def frame(kind, payload):
    return b'MD' + struct.pack('<BBI', 1, kind, len(payload)) + payload


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack('<I', len(value)) + value


def connect(path, limit=20.0):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(limit)
    peer.connect(str(path))
    return peer


def receive_exactly(peer, count):
    parts = []
    while count > 0:
        part = peer.recv(min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b''.join(parts)


def receive(peer):
    magic, version, kind, length = struct.unpack('<2sBBI', receive_exactly(peer, 8))
    assert magic == b'MD' and version == 1
    return kind, receive_exactly(peer, length)


def authenticate_payload(user, password, service='login', application=''):
    return text(user) + text(service) + text(application) + text('') + text('') + text(password)


def parse_answer(payload):
    answer = {'reason': REASONS[payload[0]], 'must_change': payload[1]}
    at = 2
    for key in ('name', 'directory', 'entry_id', 'text'):
        size = struct.unpack_from('<I', payload, at)[0]
        answer[key] = payload[at + 4:at + 4 + size].decode()
        at += 4 + size
    return answer


def login(user, password, service='login', application='', limit=20.0):
    """The whole answer of auth.sock."""
    with connect(RUN / 'auth.sock', limit) as peer:
        peer.sendall(frame(AUTHENTICATE, authenticate_payload(user, password, service, application)))
        kind, payload = receive(peer)
        assert kind == AUTHENTICATED
        return parse_answer(payload)


def reason(user, password, **options):
    return login(user, password, **options)['reason']


def change_password_answer(user, old, new, as_root=0, check_only=0):
    """The reason, and the words for whoever asked."""
    with connect(RUN / 'auth.sock') as peer:
        payload = text(user) + text('passwd') + text('') + bytes([as_root, check_only]) + text(old) + text(new)
        peer.sendall(frame(CHANGE_PASSWORD, payload))
        kind, payload = receive(peer)
        assert kind == CHANGED
        return REASONS[payload[0]], payload[5:5 + struct.unpack_from('<I', payload, 1)[0]].decode()


def change_password(user, old, new, **options):
    return change_password_answer(user, old, new, **options)[0]


def admin_on(peer, command, **fields):
    peer.sendall(frame(ADMIN, json.dumps({'command': command, **fields}).encode()))
    while True:
        kind, payload = receive(peer)
        if kind == ADMIN_REPLY:
            return json.loads(payload)
        assert kind == ADMIN_PROGRESS


def admin(command, limit=30.0, **fields):
    with connect(RUN / 'admin.sock', limit) as peer:
        return admin_on(peer, command, **fields)


def must(command, **fields):
    reply = admin(command, **fields)
    if reply['exit'] != 0:
        raise RuntimeError(f'{command} {fields}: {reply}')
    return reply['object']


def generation():
    """Of the installed view; None when there is none. The header's own words, as view/format.h has them."""
    try:
        header = VIEW.read_bytes()[:256]
    except OSError:
        return None
    return struct.unpack_from('<Q', header, 32)[0]


def superseded(path):
    return struct.unpack_from('<I', pathlib.Path(path).read_bytes(), 12)[0] != 0


def people():
    """Three people: anna in both directories, bert and carl in the second (only bert in crew)."""
    must('user add', directory='d1', user='anna', password='one')
    must('user add', directory='d2', user='anna', password='two')
    must('user add', directory='d2', user='bert', password='three')
    must('user add', directory='d2', user='carl', password='four')
    must('group add', directory='d2', group='crew')
    must('member add', directory='d2', group='crew', names=['bert'])
