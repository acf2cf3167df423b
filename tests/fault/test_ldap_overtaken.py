"""A reload while a change waits for a worker: what it forbids is not done any more (P1, P2), and what was not done is no loss that was meant (D5).

Relies on: bed.py, ldap_bed.py; slapd.
Must never: touch the host's /etc, /run or /var/lib.
"""
import os
import signal
import time

from ldap_bed import *

FRONT, HELD = 3899, 8  # so many workers are started at once
OTHER = 'configuration was'


class Hold(Between):
    """Keeps back every change that speaks of it until it is told to let go."""

    def __init__(self, port):
        self.free = threading.Event()
        super().__init__(port)

    def take(self, message, server, deaf):
        if b'HELD' in message:
            self.kept.release()
            self.free.wait(20)
        super().take(message, server, deaf)


def configuration(more):
    return one_directory(more='user_base = ou=people\ngroup_base = ou=groups\nrefresh = 1h\n' + more).replace(str(PORT), str(FRONT))


def at_server(name):
    """Its displayName; "": none; None: there is no such user."""
    told = subprocess.run(['ldapsearch', '-x', '-LLL', '-o', 'ldif-wrap=no', '-H', f'ldap://127.0.0.1:{PORT}', '-D', 'cn=admin,dc=example,dc=org', '-w', 'admin-pw',
                           '-b', 'ou=people,dc=example,dc=org', f'(uid={name})', 'displayName'], text=True, capture_output=True).stdout
    if 'dn: ' not in told:
        return None
    return next((line.split(': ', 1)[1] for line in told.splitlines() if line.startswith('displayName: ')), '')


def word(reply):
    found = reply.get('object', {})
    return reply['exit'], found.get('result'), found.get('text', '') or found.get('error', {}).get('text', '')


def queued(change, then):
    """The change while all workers are kept busy; then, before one has time for it. The answers: of the change, and of those that were held."""
    front.free.clear()
    held, threads = at_the_same_time(*[lambda: admin('user modify', limit=60, user='alice', display_name='HELD')] * HELD)
    for _ in range(HELD):
        front.kept.acquire(timeout=15)
    answer, one = at_the_same_time(change)
    time.sleep(0.03)
    then()
    one[0].join(30)
    front.free.set()
    for thread in threads:
        thread.join(30)
    return answer[0], held


os.environ['SLAPD_NO_SYNCPROV'] = '1'
make_ldap()
slapd('config', stdin='dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n'
                      'olcAccess: {0}to * by dn.exact="cn=reader,dc=example,dc=org" write by * break\n')
front = Hold(FRONT)
configure(configuration(''))
service = started()


def forbid():
    configure(configuration('permissions = read-only\n'))
    must('reload')


reply, held = queued(lambda: admin('user modify', limit=60, user='bob', display_name='Forbidden'), forbid)
check('P1, P2: a change that waits for a worker while a reload forbids it: not done, and told so', word(reply), lambda w: w[:2] == (6, 'refused') and OTHER in w[2])
check('... nor at the server', at_server('bob') != 'Forbidden', True)
check('... what a worker had before is done', ({one['exit'] for one in held} <= {0, 6}, at_server('alice')), (True, 'HELD'))
configure(configuration(''))
must('reload')
reply, _ = queued(lambda: admin('user password', limit=60, user='bob', password='Forbidden-1'), forbid)
check('P1, P2: a password that waits likewise: not set', (word(reply)[:2], reason('bob', 'Forbidden-1'), reason('bob', 'bob-pw')), ((6, 'refused'), 'wrong-password', 'ok'))
configure(configuration(''))
must('reload')
reply, _ = queued(lambda: change_password('bob', 'bob-pw', 'Forbidden-2'), forbid)
check('... nor by its owner', (reply, reason('bob', 'Forbidden-2'), reason('bob', 'bob-pw')), ('unavailable', 'wrong-password', 'ok'))
configure(configuration(''))
must('reload')
check('allowed again: it is done', (word(admin('user modify', limit=60, user='bob', display_name='Allowed'))[:2], at_server('bob')), ((0, 'done'), 'Allowed'))
reply, _ = queued(lambda: admin('user modify', limit=60, user='bob', display_name='Again'), lambda: must('reload'))
check('a reload of the same configuration stops nothing', (word(reply)[:2], at_server('bob')), ((0, 'done'), 'Again'))
reply, _ = queued(lambda: admin('user remove', limit=60, user='erin'), lambda: (configure(configuration('shrink_guard = 1\n')), must('reload')))
check('a removal that waits while the configuration is changed: not done', (word(reply)[:2], at_server('erin') is None), ((6, 'refused'), False))
slapd('change', stdin=gone('erin'))
reply = admin('directory sync', limit=60, directory='people', full=True)
check('D5: ... and it is a loss when the user goes by itself', (reply['exit'], 'would lose 1 of' in json.dumps(reply)), (6, True))

# the keeper has planned it, but by the configuration before
configure(configuration('shrink_guard = 100\n'))
must('reload')
must('directory sync', directory='people')
keeper = service.keeper()
freeze(keeper)
answer, one = at_the_same_time(lambda: admin('user remove', limit=60, user='frank'))
time.sleep(0.3)
configure(configuration('shrink_guard = 1\n'))
reloaded, other = at_the_same_time(lambda: admin('reload'))
time.sleep(0.3)
os.kill(keeper, signal.SIGCONT)
one[0].join(30)
other[0].join(30)
check('a removal that is planned by a configuration that is changed then: not done', (word(answer[0])[::2], at_server('frank') is None),
      lambda got: got[0][0] == 6 and OTHER in got[0][1] and got[1] is False)
slapd('change', stdin=gone('frank'))
reply = admin('directory sync', limit=60, directory='people', full=True)
check('D5: ... and it is a loss when the user goes by itself', (reply['exit'], 'would lose 1 of' in json.dumps(reply)), (6, True))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
