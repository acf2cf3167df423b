"""A directory's server that goes away and comes back, without anybody asking for it meanwhile: known to be away, logins answered at once, and all of it
working again within three seconds. Against a real slapd that is stopped, killed, and cut off."""
import contextlib
import os
import pathlib
import re
import signal
import statistics
import subprocess
import threading
import time

from ldap_bed import *

BACK = 3.0     # seconds
AT_ONCE = 0.05
NO_WAIT = 2.5  # whoever waits for a server that says nothing waits for 3 s at least, of login_deadline's 4 s


def settings(*uris, lost=0):
    """The people, and so many more directories, each at a port that nobody listens on."""
    names = ['people'] + [f'lost{i}' for i in range(lost)]
    text = '[service]\nlogin_deadline = 4s\n' + PEOPLE.format(name='people', uri=', '.join(uris) or f'ldap://127.0.0.1:{PORT}')
    text += ''.join(PEOPLE.format(name=name, uri=f'ldap://127.0.0.1:{5000 + i}') for i, name in enumerate(names[1:]))
    text += '[directory/local]\ntype = internal\n[application/host]\ndirectories = ' + ', '.join([*names, 'local']) + '\n'
    configure(text + ''.join(f'[application/host/{name}]\nallow_all = yes\n' for name in [*names, 'local']))


def count_lines(text):
    return service.text().count(text)


def back(since):
    """Seconds from then until a login works, asked for ten times a second; and until the service said that the server is back, by itself."""
    if not wait_for(lambda: reason('alice', 'alice-pw') == 'ok', 10, 0.1):
        return None
    return time.monotonic() - since


def quiet_back(since, lines):
    """The same, without any login: by the log."""
    if not wait_for(lambda: count_lines('answers again') > lines, 10, 0.02):
        return None
    took = time.monotonic() - since
    return took if reason('alice', 'alice-pw') == 'ok' else None


def next_number():
    """Of processes in this namespace: two of them tell how many were started in between."""
    with subprocess.Popen(['true']) as process:
        return process.pid


def cpu(pids):
    """Seconds of processor time that these and their ended children have used."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf('SC_CLK_TCK')


def at_once(what, tries=20):
    """Beside each try, at the same moment, a login whose password is checked on this host: a machine that is busy is so for both."""
    pairs = [(timed(reason, 'alice', 'alice-pw'), timed(reason, 'lorelei', 'lorelei-pw')) for _ in range(tries)]
    answers, there, here = {(a, b) for (a, _), (b, _) in pairs}, [took for (_, took), _ in pairs], [took for _, (_, took) in pairs]
    check(f"{what}: each login is told at once, another directory's is let in", answers, {('unavailable', 'ok')})
    check('... in 50 ms, or no later than a password is checked', statistics.median(there), lambda took: took < max(AT_ONCE, statistics.median(here)))
    check('... and none waits for the server', max(there), lambda slowest: slowest < NO_WAIT)
    print(f'# {what}: of {tries} logins the middle one took {statistics.median(there) * 1000:.1f} ms, the slowest {max(there) * 1000:.1f} ms; '
          f'those on this host: {statistics.median(here) * 1000:.1f} ms', flush=True)


def within(what, took):
    check(f'{what}: back within 3 s', took, lambda seconds: seconds is not None and seconds <= BACK)
    print(f'# {what}: back after {took if took is None else round(took, 2)} s', flush=True)


def people_is_synchronised(since):
    """A synchronisation that began after that, by itself."""
    return wait_for(lambda: row()['state'] == 'ready' and row()['age'] <= time.monotonic() - since, 6, 0.05)


make_ldap()
settings()
service = started()
check('the server answers: no warning', (row()['error'], warning()), (None, ''))
check('a login', reason('alice', 'alice-pw'), 'ok')
must('user add', directory='local', user='lorelei', password='lorelei-pw')

# hung: its kernel still takes connections
freeze(slapd_pid())
answer, took = timed(reason, 'alice', 'alice-pw')
check('a server that hangs: the first login has the login deadline', (answer, took < 6), ('unavailable', True))
at_once('hung')
said = known_down()
check('... status says so, since when, and what was seen', re.search(r'since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\d+ s\): .+', said) is not None)
check('... in the directory\'s row as well', row()['error'], lambda text: text and 'has not answered since' in text)
time.sleep(5)
check('... it is tried all the time, and said once', count_lines('people: its server does not answer'), 1)
at_once('hung for a while')
lines, now = count_lines('answers again'), time.monotonic()
os.kill(slapd_pid(), signal.SIGCONT)
within('a server that hung, nobody asks', quiet_back(now, lines))
check('... status', (row()['error'], warning()), (None, ''))

# killed: its port is closed
os.kill(slapd_pid(), signal.SIGKILL)
wait_for(lambda: ended(slapd_pid()))
check('a server that was killed: the first login is told at once too', timed(reason, 'alice', 'alice-pw'), lambda a: a[0] == 'unavailable' and a[1] < NO_WAIT)
check('... known', known_down(), lambda text: 'refused' in text)
at_once('killed')
check('directory sync says why', admin('directory sync', directory='people')['object']['directories'][0]['error'], lambda text: 'refused' in (text or ''))
check('... and directory test', admin('directory test', directory='people')['object']['steps'][0]['text'], lambda text: 'refused' in text)
check('... state', row()['state'], 'failed')
time.sleep(4)
lines = count_lines('answers again')
slapd('start', PORT, SPORT)
now = time.monotonic()
within('a server that was killed, nobody asks', quiet_back(now, lines))
check('... and what failed without it is synchronised', people_is_synchronised(now), True)
print(f'# killed: synchronised {time.monotonic() - now:.2f} s after the start', flush=True)


# cut off: packets go nowhere, and connections that there are hear nothing
def cut(off):
    subprocess.run(['tc', 'qdisc', 'add' if off else 'del', 'dev', 'lo', 'root', *('tbf rate 1bps burst 10 limit 10'.split() if off else [])], check=True)


cut(True)
answer, took = timed(reason, 'alice', 'alice-pw')
check('a server that is cut off: the first login has the login deadline', (answer, took < 6), ('unavailable', True))
at_once('cut off')
time.sleep(6)
check('... known', known_down(), lambda text: text)
lines, now = count_lines('answers again'), time.monotonic()
cut(False)
within('a server that was cut off, nobody asks', quiet_back(now, lines))

# at other moments between two tries
for pause in (2.1, 2.6, 3.1):
    os.kill(slapd_pid(), signal.SIGKILL)
    wait_for(lambda: ended(slapd_pid()))
    reason('alice', 'alice-pw')
    known_down()
    time.sleep(pause)
    lines = count_lines('answers again')
    slapd('start', PORT, SPORT)
    within(f'killed for {pause} s', quiet_back(time.monotonic(), lines))
    cut(True)
    reason('alice', 'alice-pw')
    known_down()
    time.sleep(pause)
    lines, now = count_lines('answers again'), time.monotonic()
    cut(False)
    within(f'cut off for {pause} s', quiet_back(now, lines))

# somebody asks while it comes back, again and again
os.kill(slapd_pid(), signal.SIGKILL)
wait_for(lambda: ended(slapd_pid()))
wait_for(lambda: reason('alice', 'alice-pw') == 'unavailable' and known_down())
slapd('start', PORT, SPORT)
within('a server that was killed, many ask', back(time.monotonic()))
freeze(slapd_pid())
asking = [threading.Thread(target=reason, args=('alice', 'alice-pw')) for _ in range(30)]
for one in asking:
    one.start()
known_down()
time.sleep(2)
now = time.monotonic()
os.kill(slapd_pid(), signal.SIGCONT)
within('a server that hung, many ask', back(now))
for one in asking:
    one.join(20)

# the try itself dies
freeze(slapd_pid())
reason('alice', 'alice-pw')
known_down()
for _ in range(3):
    for worker in wait_for(lambda: service.workers('people'), 5) or []:
        with contextlib.suppress(ProcessLookupError): # it may have ended by itself
            os.kill(worker, signal.SIGKILL)
    time.sleep(0.2)
lines, now = count_lines('answers again'), time.monotonic()
os.kill(slapd_pid(), signal.SIGCONT)
within('tries that were killed', quiet_back(now, lines))
check('... no worker is left over: one is for logins, one may watch', wait_for(lambda: len(service.workers('people')) <= 2, 10))

# a reload while it is away
freeze(slapd_pid())
reason('alice', 'alice-pw')
known_down()
check('a reload of the same configuration: still known', (admin('reload')['exit'], min(timed(reason, 'alice', 'alice-pw')[1] for _ in range(3)) < NO_WAIT), (0, True))
silent = Silent(3999)
settings('ldap://127.0.0.1:3999')
check('another server: asked anew', (admin('reload')['exit'], timed(reason, 'alice', 'alice-pw')[0]), (0, 'unavailable'))
os.kill(slapd_pid(), signal.SIGCONT)
check('... which hangs, unlike the former one', known_down() and (time.sleep(3), reason('alice', 'alice-pw'))[1], 'unavailable')

# a second server takes over for one that hangs, and is asked while that hangs
settings('ldap://127.0.0.1:3999', f'ldap://127.0.0.1:{PORT}')
check('reload', admin('reload')['exit'], 0)
answers = [timed(reason, 'alice', 'alice-pw') for _ in range(10)]
check('a server that hangs, and a second one: logins work', [answer for answer, _ in answers], ['ok'] * 10)
check('... within the deadline', max(took for _, took in answers), lambda slowest: slowest < 4)
check('... all but the first without waiting', sorted(took for _, took in answers)[8], lambda slowest: slowest < 0.5)
check('... nobody is called away', warning(), '')
silent.close()
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))

# many that are away
settings(lost=40)
service = started()
check('forty directories without a server: all known', wait_for(lambda: sum('has not answered' in text for text in admin('status')['object']['warnings']) == 40, 30, 0.2))
time.sleep(6)
before, number, began = cpu([service.pid]), next_number(), time.monotonic()
time.sleep(8)
took, started_meanwhile = time.monotonic() - began, next_number() - number
# seven tries a second, and one round of synchronisations that are tried again later and later
check('... few processes are started for all of them', started_meanwhile / took, lambda rate: 2 < rate <= 16)
print(f'# forty that are away: {started_meanwhile / took:.1f} processes a second, {(cpu([service.pid]) - before) / took * 100:.1f} % of a processor', flush=True)
service.stop()
slapd('stop')
done()
