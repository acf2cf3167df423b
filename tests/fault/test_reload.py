"""Reload by SIGHUP and by command, good and bad; the watch on the local account files; rollback; status."""
import fcntl
import os
import pathlib
import re
import signal
import threading
import time

from bed import *

make()

# before the first start
configure('[directory/d1]\ntype = internal\ncolour = red\n')
broken = Service()
check('a bad configuration at the start: the service does not start', broken.process.wait(10), 1)
check('... and says file and line', re.search(r'multidir\.conf:3: ', broken.text()) is not None)
configure()
passwd = pathlib.Path('/etc/passwd').read_text()
replace('/etc/passwd', re.sub(r'^multidir:.*\n', '', passwd, flags=re.M))
homeless = Service()
check('without its user the service says what to do', (homeless.process.wait(10), 'no user multidir on this host' in homeless.text()), (1, True))
replace('/etc/passwd', passwd)

# As the unit starts it: of root's capabilities only these.
UNIT = ['setpriv', '--bounding-set', '-all,+setuid,+setgid,+kill', '--inh-caps', '-all']
(STATE / 'stores').mkdir(mode=0o700, exist_ok=True)
os.chown(STATE / 'stores', UID, GID)
service = started(prefix=UNIT)
check('it runs with the unit\'s capabilities', int(next(line.split()[1] for line in pathlib.Path(f'/proc/{service.pid}/status').read_text()
                                                      .splitlines() if line.startswith('CapEff:')), 16), (1 << 5) | (1 << 6) | (1 << 7))
people()
before = generation()
status = admin('status')
check('status', (status['exit'], [d['name'] for d in status['object']['directories']], status['object']['view']['generation']), (0, ['d1', 'd2'], before))
check('no warnings', status['object']['warnings'], [])

# one service on a host; what the one before has left behind of itself is waited for
second = Service()
check('a second service does not start', (second.process.wait(10), 'another multidird is running' in second.text()), (1, True))
service.stop()
with open(RUN / 'lock') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    service = Service(prefix=UNIT)
    time.sleep(0.5)
check('a lock that is let go of after half a second', service.wait_ready())

# SIGHUP
configure(CONFIG.format(deadline='8s').replace('allow_groups = crew', 'allow_all = yes'))
check('before the reload the old configuration is in force', reason('carl', 'four'), 'wrong-password')
began = time.monotonic()
os.kill(service.pid, signal.SIGHUP)
check('SIGHUP takes effect', wait_for(lambda: reason('carl', 'four') == 'ok', 5))
check('... within a second', time.monotonic() - began, lambda t: t < 1)

# reload by command: published when it returns
configure(CONFIG.format(deadline='8s').replace('directories = d1, d2', 'directories = d2, d1').replace('allow_groups = crew', 'allow_all = yes'))
check('reload', admin('reload')['exit'], 0)
# I5: the name has changed its owner: withheld until it is accepted.
check('I5 a new owner is withheld', [reason('anna', 'two'), reason('anna', 'one')], ['wrong-password', 'wrong-password'])
check('accept', admin('accept', name='anna')['exit'], 0)
check('... and the new owner decides', [reason('anna', 'two'), reason('anna', 'one')], ['ok', 'wrong-password'])

# a bad one
configure(CONFIG.format(deadline='8s') + 'nonsense\n')
reply = admin('reload')
check('a bad configuration: exit 8, with file and line', (reply['exit'], 'multidir.conf:' in reply['object']['error']['text']), (8, True))
check('... and the old one stays', reason('anna', 'two'), 'ok')
os.kill(service.pid, signal.SIGHUP)
time.sleep(0.3)
check('... also after SIGHUP', reason('anna', 'two'), 'ok')
check('... and status warns', any('configuration' in w for w in admin('status')['object']['warnings']))
CONF.unlink()
check('no configuration at all: the same', (admin('reload')['exit'], reason('anna', 'two')), (8, 'ok'))
configure()
check('good again', (admin('reload')['exit'], admin('accept', name='anna')['exit'], reason('anna', 'one')), (0, 0, 'ok'))
check('... without a warning', admin('status')['object']['warnings'], [])

# requests in flight keep theirs
with connect(RUN / 'auth.sock') as peer:
    for _ in range(5):
        peer.sendall(frame(AUTHENTICATE, authenticate_payload('anna', 'one')))
        os.kill(service.pid, signal.SIGHUP)
    check('logins under way while the configuration is swapped', [parse_answer(receive(peer)[1])['reason'] for _ in range(5)], ['ok'] * 5)
check('one set of checkers is left', wait_for(lambda: len(service.checkers()) <= 2 * max(2, os.cpu_count() or 2), 5))

# the local files
before = generation()
add_account('bert', 4711)
check('N4 a new local account takes its name back', wait_for(lambda: reason('bert', 'three') == 'user-not-found', 3))
check('... in the view too', wait_for(lambda: generation() != before and b'bert\0' not in VIEW.read_bytes(), 3))
replace('/etc/passwd', re.sub(r'^bert:.*\n', '', pathlib.Path('/etc/passwd').read_text(), flags=re.M))
replace('/etc/group', re.sub(r'^bert:.*\n', '', pathlib.Path('/etc/group').read_text(), flags=re.M))
check('... and gives it back', wait_for(lambda: reason('bert', 'three') == 'ok', 3))
with open('/etc/passwd', 'a') as file:
    file.write('carl:x:4712:4712::/:/bin/sh\n')
check('N4 a file that is written in place is seen too', wait_for(lambda: b'carl\0' not in VIEW.read_bytes(), 3))
kept = generation()
replace('/etc/passwd', pathlib.Path('/etc/passwd').read_text() + '# nothing\n')
os.rename('/etc/passwd', '/etc/passwd.away')
time.sleep(0.2)
check('a passwd that is away for a moment changes nothing', b'carl\0' not in VIEW.read_bytes())
os.rename('/etc/passwd.away', '/etc/passwd')

# rollback
must('user add', directory='d1', user='dora', password='five')
with_dora = generation()
must('user add', directory='d1', user='emil', password='six')
newest = generation()
check('rollback to a view that is not there', admin('view rollback', generation=1)['exit'], 3)
check('rollback', (admin('view rollback', generation=with_dora)['exit'], generation(), b'emil\0' in VIEW.read_bytes()), (0, with_dora, False))
check('... is not marked as superseded', superseded(VIEW), False)
check('... the newer one is', superseded(STATE / 'views' / str(newest)))
check('... status warns', any('rollback' in w for w in admin('status')['object']['warnings']))
check('L12 who is not in it cannot log in', reason('emil', 'six'), 'wrong-password')
reply = admin('user add', directory='d1', user='fred', password='seven')
check('a change is made, but not published', (reply['exit'], 'rollback' in json.dumps(reply), generation()), (6, True, with_dora))
service.stop()
service = Service(prefix=UNIT)
check('a rollback stays over a restart', wait_for(lambda: (RUN / 'admin.sock').exists() and admin('status')['exit'] == 0, 5) and generation(), with_dora)
check('the end of the rollback', wait_for(lambda: admin('view rollback', end=True)['exit'] == 0, 5))
check('... publishes the newest', wait_for(lambda: b'fred\0' in VIEW.read_bytes() and b'emil\0' in VIEW.read_bytes(), 5))
check('... and logins follow', [reason('emil', 'six'), reason('fred', 'seven')], ['ok', 'ok'])
# a change whose view is ready while the end of a rollback is on its way: at some of these moments it is
def late(number):
    earlier = generation()
    must('user add', directory='d1', user=f'late{number}', password='x')
    must('view rollback', generation=earlier)
    adding = threading.Thread(target=admin, args=('user add',), kwargs={'directory': 'd1', 'user': f'later{number}', 'password': 'x'})
    adding.start()
    time.sleep(number / 2000)
    ended = admin('view rollback', end=True)['exit']
    adding.join()
    return ended == 0 and wait_for(lambda: f'later{number}\0'.encode() in VIEW.read_bytes(), 5)


check('... whatever comes meanwhile', [number for number in range(60) if not late(number)], [])
check('a second end is refused', admin('view rollback', end=True)['exit'], 1)
for number in range(12):
    must('user add', directory='d1', user=f'many{number}', password='x')
kept = [path for path in (STATE / 'views').iterdir()]
check('only the last few views are kept', len(kept), 6)
check('all but the current one are marked', [path.name for path in kept if not superseded(path)], [str(generation())])
service.stop()
done()
