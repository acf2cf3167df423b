"""Binds that go oddly at a server that is well: one user's that hangs, a password change whose worker dies. Somebody stands between the service and a
real slapd, and keeps what is to be kept."""
import time

from ldap_bed import *

MIDDLE = 3892
DEADLINE = 4.0


def settings(more=''):
    configure(f'[service]\nlogin_deadline = {DEADLINE:.0f}s\n' + PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{MIDDLE}') + more +
              '[application/host]\ndirectories = people\n[application/host/people]\nallow_all = yes\n')


def bind_of(name):
    return lambda tag, data: tag == BIND and f'uid={name},'.encode() in data


def nothing(tag, data):
    return False


make_ldap()
middle = Between(MIDDLE)
settings()
service = started()
check('a login', reason('alice', 'alice-pw'), 'ok')

# one user's bind hangs
middle.lost = bind_of('bob')
answers, threads = at_the_same_time(lambda: timed(reason, 'bob', 'bob-pw'))
middle.kept.acquire(timeout=5)
check('a bind that hangs: others log in meanwhile', timed(reason, 'alice', 'alice-pw'), lambda a: a[0] == 'ok' and a[1] < 1)
threads[0].join()
check('... unavailable, by the deadline', (answers[0][0], answers[0][1] < DEADLINE + 0.3), ('unavailable', True))
check('... it is no outage: others log in afterwards', [reason('alice', 'alice-pw') for _ in range(3)], ['ok'] * 3)
time.sleep(1)
check('... nor found to be one', (warning(), 'its server does not answer' in service.text()), ('', False))

# more of them than there are workers: the last ones wait for one, and their time is over before their bind is
answers, threads = at_the_same_time(*[lambda: timed(reason, 'bob', 'bob-pw')] * 12)
for one in threads:
    one.join()
check('twelve binds that hang: unavailable, by the deadline', ({answer for answer, _ in answers}, max(took for _, took in answers) < DEADLINE + 0.3), ({'unavailable'}, True))
check('... it is no outage', [timed(reason, 'alice', 'alice-pw') for _ in range(3)], lambda all: [a for a, _ in all] == ['ok'] * 3 and max(t for _, t in all) < 1)
time.sleep(1)
check('... nor found to be one', (warning(), 'its server does not answer' in service.text()), ('', False))
middle.lost = nothing
check('... and when it hangs no more', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 8, 0.2))


# a worker that dies in the middle of a password change
def killed_in_change(user, old, new):
    while middle.kept.acquire(blocking=False):
        pass
    answers, threads = at_the_same_time(lambda: timed(change_password_answer, user, old, new))
    check('a password change is under way', middle.kept.acquire(timeout=8))
    time.sleep(0.3)
    kill_workers(service)
    threads[0].join(20)
    middle.lost = middle.unanswered = nothing
    # Those that had answered nothing yet are not replaced at once.
    check('... logins go on', wait_for(lambda: reason('carol', 'carol-pw') == 'ok', 3, 0.1))
    return answers[0]


def is_change(tag, data):
    return tag == EXTENDED and b'1.3.6.1.4.1.4203.1.11.1' in data


unsure = 'The server of directory people did not answer; please see whether the new password works.'
middle.lost = is_change
answer, took = killed_in_change('alice', 'alice-pw', 'alice-2nd')
check('a worker killed before the server heard of a change: answered at once', (answer, took < 3), (('unavailable', unsure), True))
check('... nothing is lost: the old one is right', [reason('alice', 'alice-pw'), reason('alice', 'alice-2nd')], ['ok', 'wrong-password'])
middle.unanswered = is_change
answer, took = killed_in_change('alice', 'alice-pw', 'alice-2nd')
check('a worker killed before the answer: the same words', (answer, took < 3), (('unavailable', unsure), True))
check('... the new one is right', [reason('alice', 'alice-2nd'), reason('alice', 'alice-pw')], ['ok', 'wrong-password'])
check('... and can be changed', change_password_answer('alice', 'alice-2nd', 'alice-3rd'), ('ok', ''))
check('... it is in no log', [word for word in ('alice-pw', 'alice-2nd', 'alice-3rd') if word in service.text()], [])


# the service's own account: its password is refused, and not tried by each login
READER = 'cn=reader,dc=example,dc=org'


def reader_binds():
    return middle.binds.get(READER, 0)


def tries(count=20):
    """Logins of somebody, one after the other: their answers, the slowest, and how often the account's password was tried."""
    before = reader_binds()
    answers = [timed(reason, 'bob', 'bob-pw') for _ in range(count)]
    return {answer for answer, _ in answers}, max(took for _, took in answers), reader_binds() - before


def without_workers():
    kill_workers(service)
    wait_for(lambda: not service.workers('people'))
    time.sleep(1.1)  # those that had answered nothing yet are not replaced at once


def said():
    return row()['error'] or '', [text for text in admin('status')['object']['warnings'] if 'refuses the bind as bind_dn' in text]


admin('directory sync', directory='people')  # the worker that watches was killed, too, more than once
check('the account is fine: nothing is said', (reason('bob', 'bob-pw'), said()), ('ok', ('', [])))
set_reader_password('wrong-pw')
check('a refused account: who is bound goes on', tries(), lambda t: t[0] == {'ok'} and t[2] == 0)
check('... a synchronisation is refused', admin('directory sync', directory='people')['object']['directories'][0]['error'], lambda e: 'refuses the bind as bind_dn: Invalid credentials' in (e or ''))
check('... who is bound goes on nevertheless', tries(), lambda t: t[0] == {'ok'} and t[2] == 0)
without_workers()
admin('reload')
check('... nobody is bound: one try, all others are told at once', tries(), lambda t: t[0] == {'unavailable'} and t[2] == 1)
check('... in 50 ms', tries(), lambda t: t[0] == {'unavailable'} and t[1] < 0.05 and t[2] == 0)
check('... it is no outage', warning(), '')
check('... status says why', said(), lambda s: 'refuses the bind as bind_dn' in s[0] and len(s[1]) == 1 and s[1][0].startswith('directory people: ') and 'tried again in' in s[1][0])
check('... and the log, once', service.text().count('and it is tried again in 30 s'), lambda n: 1 <= n <= 2)
before = reader_binds()
check('... a synchronisation does not try either', (admin('directory sync', directory='people')['exit'], reader_binds() - before), (6, 0))
check('... directory test does', (admin('directory test', directory='people')['exit'], reader_binds() - before), (6, 1))
check('... after a reload it is tried again', admin('reload')['exit'] == 0 and tries(), lambda t: t[0] == {'unavailable'} and t[2] == 1)
set_reader_password('reader-pw')
check('... with another password at once', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 3, 0.2))
check('... and nothing is said any more', (admin('directory sync', directory='people')['exit'], said()), (0, ('', [])))
check('... the passwords are in no log', [word for word in ('wrong-pw', 'reader-pw') if word in service.text()], [])
service.stop()

# the same from the start: the first synchronisation is refused, and logins do not try
set_reader_password('wrong-pw')
before = reader_binds()
service = Service()
check('a start with a refused account', service.wait_ready() and row()['state'] == 'failed' and reader_binds() - before, 1)
check('... logins do not try', tries(), lambda t: t[0] == {'unavailable'} and t[2] == 0)
time.sleep(6)
check('... nor what is tried again and again', reader_binds() - before, 1)
began, first = time.monotonic(), reader_binds()
check('... but somebody after half a minute', wait_for(lambda: (reason('bob', 'bob-pw'), reader_binds() > first)[1], 30, 0.5))
check('... and then nobody for a minute', (wait_for(lambda: (reason('bob', 'bob-pw'), reader_binds() > first + 1)[1], 8, 0.5), 'tried again in 60 s' in service.text()), (False, True))
service.stop()
slapd('stop')
done()
