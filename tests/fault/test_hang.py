"""Processes that hang or crash, a full disk, a read-only state folder."""
import concurrent.futures
import os
import signal
import socket
import subprocess
import time

from bed import *

make(state_size='24m')
configure(deadline='3s')
service = started()
people()
check('a login', [reason('anna', 'one'), reason('carl', 'four', service='second')], ['ok', 'ok'])

# hung checkers of d1: whoever needs them is answered by the deadline, the others are not slowed
reason('ghost', 'x')
stopped = service.checkers('d1')
for pid in stopped:
    freeze(pid)
began = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    hanging = [pool.submit(reason, 'anna', 'one') for _ in range(20)]
    times = []
    for _ in range(20):
        one = time.monotonic()
        check_answer = reason('carl', 'four', service='second')
        times.append(time.monotonic() - one)
        if check_answer != 'ok':
            break
    answers = [future.result() for future in hanging]
    took = time.monotonic() - began
check('checkers that hang: logins that need them are unavailable or let in', sorted(set(answers) - {'unavailable', 'ok'}), [])
check('... by the deadline', took, lambda t: t < 3.3)
check('... logins at another directory are not slowed', (check_answer, max(times) < 1), ('ok', True))
check('... the hung ones are killed and replaced', wait_for(lambda: not set(stopped) & set(service.checkers('d1')) and reason('anna', 'one') == 'ok', 8))

# checkers that cannot start: the store is gone
service.stop()
service = started()
hidden = STATE / 'stores' / 'd1.hidden'
os.rename(STATE / 'stores' / 'd1.db', hidden)
began = time.monotonic()
check('a store that is gone: unavailable', reason('anna', 'one'), 'unavailable')
check('... soon', time.monotonic() - began, lambda t: t < 3)
check('... the other directory alone works', reason('carl', 'four', service='second'), 'ok')
os.rename(hidden, STATE / 'stores' / 'd1.db')
check('... and when it is back', wait_for(lambda: reason('anna', 'one') == 'ok', 10))

# a hung keeper: logins go on
freeze(service.keeper())
check('a keeper that hangs: logins go on', [reason('anna', 'one'), reason('bert', 'three')], ['ok', 'ok'])
began = time.monotonic()
try:
    admin('user show', user='anna', limit=1)
    shown = 'answered'
except TimeoutError:
    shown = 'waits'
check('... commands wait for it', shown, 'waits')
check('... the service itself answers', admin('status')['exit'], 0)
os.kill(service.keeper(), signal.SIGCONT)
check('... and then are answered', admin('user show', user='anna')['exit'], 0)

must('user add', directory='d1', user='before', password='x')

# disk full
filler = open(STATE / 'filler', 'wb', buffering=0)
try:
    while True:
        filler.write(b'x' * 4096)
except OSError:
    pass
reply = admin('user add', directory='d1', user='toolate', password='x')
verified = subprocess.run([BUILD / 'tests' / 'fault' / 'fault_hook', 'verify', VIEW], capture_output=True, env={}, check=False)
check('disk full: a change is not acknowledged', reply['exit'], lambda n: n != 0)
check('... and not published by halves', b'toolate\0' in VIEW.read_bytes(), False)
check('... the view is whole, and has what was there before', (verified.returncode, b'before\0' in VIEW.read_bytes()), (0, True))
check('... logins go on', reason('anna', 'one'), 'ok')
check('... status answers', admin('status')['exit'], 0)
filler.close()
os.unlink(STATE / 'filler')
check('with room again changes work', wait_for(lambda: admin('user add', directory='d1', user='later', password='x')['exit'] == 0, 15))
check('... and are published', b'later\0' in VIEW.read_bytes())
check('... and logins follow', reason('later', 'x'), 'ok')

# read-only state folder
before = VIEW.read_bytes()
subprocess.run(['mount', '--bind', STATE, STATE], check=True)
subprocess.run(['mount', '-o', 'remount,ro,bind', STATE], check=True)
reply = admin('user add', directory='d1', user='readonly', password='x')
check('read-only: a change is not acknowledged', reply['exit'], lambda n: n != 0)
check('... the view is as it was', VIEW.read_bytes() == before)
check('... logins go on', reason('anna', 'one'), 'ok')
service.stop()
service = Service()
check('... a start on a read-only folder serves the view that is there', wait_for(lambda: (RUN / 'auth.sock').exists() and 'ready' in service.text(), 10))
check('... logins at least end', wait_for(lambda: reason('anna', 'one') in ('ok', 'unavailable'), 5))
service.stop()
# The last of its processes may still be ending.
check('... and lets go of it', wait_for(lambda: subprocess.run(['umount', STATE], check=False).returncode == 0))
service = started()
check('writable again: everything works', wait_for(lambda: reason('anna', 'one') == 'ok' and
                                                   admin('user add', directory='d1', user='writable', password='x')['exit'] == 0, 20))
check('... and is published', b'writable\0' in VIEW.read_bytes())

# damaged view on disk
service.stop()
data = bytearray(VIEW.read_bytes())
data[len(data) // 2] ^= 0xff
VIEW.unlink()
VIEW.write_bytes(data)
VIEW.chmod(0o444)
service = started()
check('a damaged view on disk is replaced at the start', (reason('anna', 'one'), 'damaged' in service.text()), ('ok', True))
service.stop()
VIEW.unlink()
service = started()
check('no view on disk: one is published', reason('anna', 'one'), 'ok')

# systemd's side
service.stop()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(str(TOP / 'notify'))
notify.settimeout(10)
service = Service(environment={'NOTIFY_SOCKET': str(TOP / 'notify'), 'WATCHDOG_USEC': '400000'})
said = b''
while b'READY=1' not in said:
    said = notify.recv(1000)
check('readiness is told once the view is published', generation() is not None)
lines = []
end = time.monotonic() + 1.5
while time.monotonic() < end:
    lines.append(notify.recv(1000))
service.stop()
while not any(b'STOPPING=1' in line for line in lines):
    lines.append(notify.recv(1000))
check('the watchdog is fed', sum(b'WATCHDOG=1' in line for line in lines), lambda n: n >= 3)
check('the stop is told', any(b'STOPPING=1' in line for line in lines))
done()
