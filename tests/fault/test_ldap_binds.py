"""Binds that go oddly at a server that is well: one user's that hangs, a password change whose worker dies. Somebody stands between the service and a
real slapd, and keeps what is to be kept."""
import os
import signal
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
    for worker in service.workers('people'):
        os.kill(worker, signal.SIGKILL)
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

service.stop()
slapd('stop')
done()
