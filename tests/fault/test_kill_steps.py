"""kill -9 at each step of a change and of its publishing, the steps being the system calls that keeper, installer and supervisor make: the old or the
new view, complete, at once; and after a start everything that was acknowledged.

Relies on: strace, which kills the process that makes the call.
"""
import re
import signal
import subprocess
import sys
import time

from bed import *

# Which calls a change takes, and how often at least.
STEPS = {
    'keeper': {'recvmsg': 2, 'pwrite64': 8, 'fdatasync': 2, 'memfd_create': 1, 'fallocate': 1, 'munmap': 3, 'sendmsg': 3},
    'installer': {'mkdirat': 1, 'fallocate': 1, 'sendfile': 1, 'pwrite64': 2, 'fchmod': 1, 'fsync': 3, 'renameat': 2, 'linkat': 1, 'unlinkat': 2,
                  'getdents64': 2},
    'supervisor': {'accept4': 1, 'recvmsg': 4, 'sendmsg': 2, 'clone': 1, 'epoll_wait': 5},
}
make()
strace_log = TOP / 'strace'
acknowledged, tried = {'first'}, {'first'}
service = started()
must('user add', directory='d1', user='first', password='x')


def attach(role, call, number):
    """strace on the process, once it holds it."""
    pid = service.keeper() if role == 'keeper' else service.pid
    follow = ['-f'] if role == 'installer' else []  # the installer is made meanwhile
    tracer = subprocess.Popen(['strace', *follow, '-qq', '-o', strace_log, '-e', f'trace={call}', '-e', f'inject={call}:signal=SIGKILL:when={number}',
                               '-p', str(pid)], stderr=subprocess.DEVNULL)
    wait_for(lambda: 'TracerPid:\t0\n' not in pathlib.Path(f'/proc/{pid}/status').read_text(), 5, 0.002)
    return tracer


def change(name):
    """Adds a user. Whether that was acknowledged."""
    tried.add(name)
    try:
        return admin('user add', directory='d1', user=name, password='x', limit=1.5)['exit'] == 0
    except (OSError, EOFError):
        return False


def is_whole():
    return subprocess.run([BUILD / 'tests' / 'fault' / 'fault_hook', 'verify', VIEW], capture_output=True, env={}, check=False).returncode == 0


def in_view():
    data = VIEW.read_bytes()
    return {name for name in tried if name.encode() + b'\0' in data}


def one(role, call, number):
    global service
    name = re.sub('[^a-z]', '', f'{role}{call}') + 'abcdefgh'[number - 1]
    before = in_view()
    tracer = attach(role, call, number)
    if change(name):
        acknowledged.add(name)
    if role == 'supervisor' and service.process.poll() is None:
        time.sleep(0.05)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    killed = 'killed by SIGKILL' in strace_log.read_text() and (role != 'installer' or service.process.poll() is None)
    seen = in_view() if is_whole() else None
    service.stop(signal.SIGKILL)
    service = Service()
    ready = service.wait_ready()
    listed = set(must('user list', directory='d1')['users'])
    wait_for(lambda: in_view() == listed, 5)
    check(f'{role} killed at {call} number {number}',
          (killed, seen in (before, before | {name}), ready, acknowledged <= listed, in_view() == listed), (True, True, True, True, True))


if subprocess.run(['strace', '-V'], capture_output=True, check=False).returncode != 0:
    sys.exit('strace is needed')
for role, calls in STEPS.items():
    for call, count in calls.items():
        for number in range(1, count + 1):
            one(role, call, number)
check('nothing was lost on the way', sorted(acknowledged - in_view()), [])
must('user add', directory='d1', user='last', password='x')
check('in the end a change and a login work', reason('last', 'x'), 'ok')
service.stop()
done()
