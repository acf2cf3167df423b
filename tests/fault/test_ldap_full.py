"""When a directory is read in full though its server tells of changes, or is asked for them: because an administrator wants it, because changes could not be
told, because there was nobody yet.

Relies on: bed.py, ldap_bed.py; slapd.
Must never: touch the host's /etc, /run or /var/lib.
"""
import os
import signal
import time

from ldap_bed import *

FAILED, UNTOLD, FRONT = 'the synchronisation failed', 'what has changed cannot be told exactly', 3892


class Forgetful(Between):
    """A server that can be made to say to who watches it that it cannot tell what has changed (RFC 4533: e-syncRefreshRequired)."""

    def __init__(self, port):
        self.peers, self.watch = {}, None
        super().__init__(port)

    def upward(self, peer, server, deaf):
        self.peers[server] = peer
        super().upward(peer, server, deaf)

    def take(self, message, server, deaf):
        if b'1.3.6.1.4.1.4203.1.9.1.1' in message:
            at = 2 + (message[1] & 127 if message[1] > 127 else 0)
            self.watch = self.peers[server], message[at:at + 2 + message[at + 1]]
        super().take(message, server, deaf)

    def forget(self):
        peer, number = self.watch
        body = number + b'\x65\x08\x0a\x02\x10\x00\x04\x00\x04\x00'
        peer.sendall(bytes([0x30, len(body)]) + body)


def full_age():
    return row()['full_age']


def full_since(began):
    """Whether the last full run began after that; times are whole seconds."""
    return wait_for(lambda: row()['state'] == 'ready' and full_age() is not None and full_age() <= time.monotonic() - began + 1, 5, 0.1)


def sync(**fields):
    return admin('directory sync', limit=60, directory='people', **fields)['exit']


def beside(under_way, wanted):
    """The second one while the first one cannot go on; their answers."""
    pid = slapd_pid()
    freeze(pid)
    first, one = at_the_same_time(under_way)
    time.sleep(0.7)
    second, two = at_the_same_time(wanted)
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
    one[0].join(60)
    two[0].join(60)
    return first + second


# what an administrator wants while another one is under way
os.environ['SLAPD_NO_SYNCPROV'] = '1'
make_ldap()
configure(one_directory(more='user_base = ou=people\nrefresh = 1h'))
service = started()
check('it is asked for changes', wait_for(lambda: row().get('kept_by') == 'changes', 10, 0.1))
time.sleep(4)
began = time.monotonic()
check('directory sync --full beside a run that is under way: both are done', beside(sync, lambda: sync(full=True)), [0, 0])
check('... and everything is read', full_since(began))
time.sleep(4)
began = time.monotonic()
check('a run that is wanted beside a full one: both are done', beside(lambda: sync(full=True), sync), [0, 0])
check('... the first one has read everything', full_since(began))
time.sleep(4)
check('... and is the last one that does', (sync(), full_age() >= 4), (0, True))
service.stop()

# a server that tells of changes
slapd('wipe')
del os.environ['SLAPD_NO_SYNCPROV']
slapd('start', PORT, SPORT)
service = Service()
check('it is watched', service.wait_ready() and wait_for(lambda: row().get('kept_by') == 'watch', 10, 0.1))
time.sleep(4)
began = time.monotonic()
admin('reload')
time.sleep(1)
check('reload: nothing is read again', full_age() >= 4)
check('reload --force: everything is', admin('reload', force=True)['exit'] == 0 and full_since(began))
check('... and it is watched again', wait_for(lambda: row().get('kept_by') == 'watch', 10, 0.1))

service.stop()

# what changed cannot be told: whichever word comes first, the keeper's or the worker's, that is no failure
server = Forgetful(FRONT)
configure(one_directory().replace(str(PORT), str(FRONT)))
service = started()
answers = []
for number in range(10):
    wait_for(lambda: row().get('kept_by') == 'watch', 10, 0.05)
    server.forget()
    wait_for(lambda: service.text().count(UNTOLD) > number, 10, 0.02)
    began = time.monotonic()
    answers.append((sync(), full_since(began)))
check('changes cannot be told: who asks for a synchronisation gets a full one', answers, [(0, True)] * 10)
wait_for(lambda: row().get('kept_by') == 'watch', 10, 0.05)
server.forget()
wait_for(lambda: service.text().count(UNTOLD) > 10, 10, 0.02)
time.sleep(3)
check('... nobody waits for the next one: there is a pause', full_age() >= 3)
check('... and status does not speak of a failure', (row()['state'], row()['error'], admin('status')['exit']), ('ready', None, 0))
check('... nor does the log', (service.text().count(UNTOLD), service.text().count(FAILED)), (11, 0))
service.stop()

# nobody is there yet
slapd('change', stdin='dn: ou=staff,dc=example,dc=org\nchangetype: add\nobjectClass: organizationalUnit\nou: staff\n')
configure(one_directory(more='user_base = ou=staff\ngroup_base = ou=staff\nrefresh = 1h\nshrink_guard = 100'))
service = Service()
check('D5: shrink_guard = 100: a directory of nobody is complete', service.wait_ready() and row()['state'] == 'ready')
slapd('change', stdin=person('first', 'ou=staff,dc=example,dc=org'))
check('... the first one is there within a minute', shown('first', limit=45))
check('... and from then on it is watched', wait_for(lambda: row().get('kept_by') == 'watch', 5, 0.1))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
