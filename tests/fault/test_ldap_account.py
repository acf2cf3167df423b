"""The service's own account is refused while some of its connections were bound before that: nobody else tries its password, whatever those that are bound
still do; and when the server takes it again, that is found out.

Relies on: bed.py, ldap_bed.py; slapd.
Must never: touch the host's /etc, /run or /var/lib.
"""
import os
import time

from ldap_bed import *

MIDDLE, READER = 3892, 'cn=reader,dc=example,dc=org'
AGAIN = 'takes the bind as bind_dn again'


def reader_binds():
    return middle.binds.get(READER, 0)


def at_the_server(password):
    slapd('change', stdin=f'dn: {READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n\n'
                          f'dn: {READER}\nchangetype: modify\nreplace: pwdReset\n')  # the policy would have it changed first


def tried(work):
    """What the work returns, and how often the account's password was tried meanwhile."""
    before = reader_binds()
    return work(), reader_binds() - before


def side_by_side():
    """Six logins at once, five times: more than are bound."""
    given = set()
    for _ in range(5):
        answers, threads = at_the_same_time(*[lambda: reason('alice', 'alice-pw')] * 6)
        for one in threads:
            one.join(20)
        given |= set(answers)
    return given


def changed_and_asked(count):
    """The watch brings a change, and somebody logs in, again and again."""
    for number in range(count):
        slapd('change', stdin=f'dn: uid=bob,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: displayName\ndisplayName: Bob {number}\n')
        if not wait_for(lambda: f'Bob {number}\0'.encode() in VIEW.read_bytes(), 5):
            return f'change {number} is not shown'
        reason('alice', 'alice-pw')
    return 'shown'


make_ldap()
middle = Between(MIDDLE)
configure('[service]\nlogin_deadline = 4s\n' + one_directory(more='user_base = ou=people\nrefresh = 1h').replace(str(PORT), str(MIDDLE)))
service = started()
check('it is watched', wait_for(lambda: row().get('kept_by') == 'watch', 10, 0.1))
time.sleep(1)

# only the watch is bound
at_the_server('another-pw')
check('a login finds that the account is refused', tried(lambda: reason('alice', 'alice-pw')), ('unavailable', 1))
check('the watch brings changes all the same, and that is no word on the account', tried(lambda: changed_and_asked(6)), ('shown', 0))
check('... nor does the log say so', service.text().count(AGAIN), 0)
at_the_server('reader-pw')
admin('reload')
check('taken again', wait_for(lambda: reason('alice', 'alice-pw') == 'ok', 5, 0.2))
service.stop()

# one worker is bound, and there is no watch
slapd('wipe')
os.environ['SLAPD_NO_SYNCPROV'] = '1'
slapd('start', PORT, SPORT)
service = Service()
check('the same without a watch', service.wait_ready() and wait_for(lambda: row().get('kept_by') == 'changes', 10, 0.1))
check('... somebody is bound', reason('alice', 'alice-pw'), 'ok')
at_the_server('another-pw')
check('a synchronisation finds that the account is refused', tried(lambda: admin('directory sync', directory='people')['exit']), (6, 1))
check('who is bound answers, and that is no word on the account',
      tried(lambda: [(reason('alice', 'alice-pw'), admin('directory sync', directory='people')['exit']) for _ in range(10)]), ([('ok', 6)] * 10, 0))
check('... nor for many at once', tried(side_by_side)[1], 0)
check('... nor does the log say so', service.text().count(AGAIN), 0)
at_the_server('reader-pw')
check('the account is taken again: found out by the first who has to bind after half a minute, though who is bound has work all the time',
      wait_for(lambda: ([reason('alice', 'alice-pw') for _ in range(5)], side_by_side(), AGAIN in service.text())[2], 45, 0.5))
check('... and said no more', (admin('directory sync', directory='people')['exit'], row()['error']), (0, None))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
