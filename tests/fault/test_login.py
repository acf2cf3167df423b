"""Start, stop, first logins, the throttle, many at once, password changes, explain."""
import concurrent.futures
import os
import pathlib
import subprocess
import time

from bed import *

make()
service = started()
check('both sockets are 0600', [oct((RUN / f'{s}.sock').stat().st_mode & 0o777) for s in ('auth', 'admin')], ['0o600', '0o600'])
check('the view is 0444 and root owns it', (oct(VIEW.stat().st_mode & 0o777), VIEW.stat().st_uid), ('0o444', 0))
check('a second service refuses to start', subprocess.run([BINARY], capture_output=True, env={}).returncode, 1)
people()

answer = login('Anna', 'one')
check('L1 the first directory that has the user decides', (answer['reason'], answer['name'], answer['directory']), ('ok', 'anna', 'd1'))
check('L12 the answer names the entry', len(answer['entry_id']) > 8)
check('L1 the second directory\'s password is wrong', reason('anna', 'two'), 'wrong-password')
check('a denial says nothing else', {k: v for k, v in login('anna', 'two').items() if v}, {'reason': 'wrong-password'})
check('L4 a member of the gate group', reason('bert', 'three'), 'ok')
check('L4, L9 not a member: as a wrong password', reason('carl', 'four'), 'wrong-password')
check('L9 an unknown user', reason('nobody-here', 'x'), 'user-not-found')
check('L8 an empty password', reason('bert', ''), 'wrong-password')
check('L8 a NUL in it', reason('bert', b'th\0ree'), 'wrong-password')
check('N4 a local name', reason('root', 'x'), 'user-not-found')
check('N3 a bad name', reason('a:b', 'x'), 'user-not-found')
check('L12 another owner in another application', reason('anna', 'two', service='second'), 'wrong-password')
check('M8 a service of another application', reason('carl', 'four', service='second'), 'ok')
check('an application that is not there', reason('bert', 'three', application='none'), 'unavailable')
check('the log has the true reason', 'reason=no-access rule=L4 owner=d2' in service.text())
check('the log has no password', not any(word in service.text() for word in ('"three"', '"four"', 'th?ree')))

started_at = time.monotonic()
known = [reason('anna', 'bad-guess') for _ in range(1)]
wrong_s = time.monotonic() - started_at
times = []
for number in range(5):
    began = time.monotonic()
    reason(f'ghost{number}', 'x')
    times.append(time.monotonic() - began)
check('L9 an unknown user costs what a wrong password costs', min(times) / wrong_s, lambda x: 0.3 < x < 3)
login('anna', 'one')

# L11
results = [reason('bert', 'wrong') for _ in range(7)]
check('L11 six wrong ones, then throttled', results, ['wrong-password'] * 6 + ['throttled'])
check('L11 the right password too', reason('bert', 'three'), 'throttled')
check('L11 others are not', reason('anna', 'one'), 'ok')
time.sleep(1.1)
check('L11 after a second it is let in, and the count is cleared', [reason('bert', 'three'), reason('bert', 'wrong')], ['ok', 'wrong-password'])
check('L11 unknown names too', [reason('spectre', 'x') for _ in range(7)][-1], 'throttled')
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    together = list(pool.map(lambda _: reason('carl', 'guess', service='second'), range(40)))
check('L11 many tries at once are not many guesses', together.count('wrong-password'), lambda n: 5 <= n <= 8)
check('L11 ... and in the end the right one is let in', wait_for(lambda: reason('carl', 'four', service='second') == 'ok', 20, 0.5))

def timed(ask):
    """(answer, seconds it took)"""
    began = time.monotonic()
    return ask(), time.monotonic() - began


def storm(count):
    """The answers of so many logins at once with the right password, and how long the slowest took."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        together = list(pool.map(lambda n: timed(lambda: reason(f'user{n % 20}', 'pw', limit=60)), range(count)))
    answers = [answer for answer, _ in together]
    return {answer: answers.count(answer) for answer in set(answers)}, max(took for _, took in together)


# 200 at once: as quickly as ten times twenty, whatever else this machine has to do. It is given the time that needs.
for number in range(20):
    must('user add', directory='d1', user=f'user{number}', password='pw')
configure(deadline='60s')
must('reload')
before, (together, slowest), after = storm(20), storm(200), storm(20)
check('200 at once are all let in', together, {'ok': 200})
check('... and a few', (before[0], after[0]), ({'ok': 20}, {'ok': 20}))
check('... as quickly as a few at once', slowest / (10 * max(before[1], after[1])), lambda times: times < 2)
# more than can be checked in time: the deadline is kept all the same
configure(deadline='4s')
must('reload')
together, took = storm(1200)
check('1,200 at once are all answered', sorted(set(together) - {'ok', 'unavailable'}), [])
check('... soon after the deadline', took, lambda t: t < 8)
print(f'# 20, 200 and 20 at once: the slowest took {before[1]:.2f}, {slowest:.2f} and {after[1]:.2f} s; of 1,200, with a deadline of 4 s: {took:.2f} s')
configure()
must('reload')

# passwords
check('the old password is checked first', change_password('bert', 'wrong', 'new'), 'wrong-password')
check('check only', change_password('bert', 'three', '', check_only=1), 'ok')
check('check only changed nothing', reason('bert', 'three'), 'ok')
check('a change', change_password('bert', 'three', 'new'), 'ok')
check('the new one works, the old one does not', [reason('bert', 'new'), reason('bert', 'three')], ['ok', 'wrong-password'])
check('as root without the old one', change_password('bert', '', 'newer', as_root=1), 'ok')
check('... and it works', reason('bert', 'newer'), 'ok')
check('L8 an empty new one', change_password('bert', 'newer', ''), 'empty-password')
check('an unknown user', change_password('ghost', '', 'x', as_root=1), 'user-not-found')

# sessions
with connect(RUN / 'auth.sock') as peer:
    peer.sendall(frame(SESSION, text('bert') + text('sshd') + text('')))
    check('a session is noted', receive(peer)[0], SESSION_NOTED)
    peer.sendall(frame(AUTHENTICATE, authenticate_payload('bert', 'newer')))
    check('one connection, several requests', parse_answer(receive(peer)[1])['reason'], 'ok')

# explain
shown = admin('explain login', user='anna', service='login')
check('explain without a password', (shown['exit'], shown['object']['verdict'], shown['object']['owner']), (0, 'allow', 'd1'))
check('... says that it was not checked', 'not-checked' in [step['result'] for step in shown['object']['steps']])
shown = admin('explain login', user='anna', service='login', password='two')
check('explain with a wrong one', (shown['exit'], shown['object']['reason']), (1, 'wrong-password'))
shown = admin('explain login', user='carl', service='login', password='four')
check('explain tells the true reason', (shown['exit'], shown['object']['reason']), (1, 'no-access'))
shown = admin('explain login', user='carl', service='login', password='four', application='second')
check('explain for another application', (shown['exit'], shown['object']['application']), (0, 'second'))
check('L8 explain of an over-long password', admin('explain login', user='anna', password='x' * 2000)['object']['reason'], 'bad-password')
check('explain counts for the throttle', [admin('explain login', user='anna', password='no')['object']['reason'] for _ in range(7)][-1], 'throttled')
check('a field that it does not know', admin('explain login', user='anna', colour='red')['exit'], 2)
check('a command that nobody knows', admin('dance')['exit'], 2)

# stop
check('the keeper is not root and cannot gain', [line.split()[1] for line in pathlib.Path(f'/proc/{service.keeper()}/status').read_text().splitlines()
                                                 if line.startswith(('Uid:', 'NoNewPrivs:', 'Seccomp:'))], [str(UID), '1', '2'])
check('the keeper has no environment', pathlib.Path(f'/proc/{service.keeper()}/environ').read_bytes(), b'')
check('the keeper has only its own descriptors', sorted(os.listdir(f'/proc/{service.keeper()}/fd'), key=int)[:4], ['0', '1', '2', '3'])
check('the keeper has no network but its own empty one',
      os.readlink(f'/proc/{service.keeper()}/ns/net') != os.readlink('/proc/self/ns/net'))
check('SIGTERM: a clean end', service.stop(), 0)
check('the view stays', VIEW.exists())
check('the sockets go', [path.name for path in RUN.iterdir()], ['lock'])
check('no process is left', wait_for(lambda: not children(1, '--role=')))
check('after a start everything is as before', [started() and reason('bert', 'newer'), reason('anna', 'one')][:1], ['ok'])

# usage
for arguments in (['--nonsense'], ['extra'], ['--role=king'], ['--role=checker'], ['--directory=d1']):
    check(f'usage: {arguments}', subprocess.run([BINARY, *arguments], capture_output=True, env={}).returncode, 2)
for arguments in (['--help'], ['--version']):
    check(f'usage: {arguments}', subprocess.run([BINARY, *arguments], capture_output=True, env={}).returncode, 0)
check('a role as root refuses', subprocess.run([BINARY, '--role=keeper'], capture_output=True, env={}).returncode, 1)
done()
