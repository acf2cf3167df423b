"""Directories with a server of their own: synchronisations and logins against a real slapd, and what becomes of them when the server, a worker, the
checker or the keeper stops, hangs or dies in the middle."""
import os
import signal
import subprocess
import threading
import time

from ldap_bed import *


def settings(uri=f'ldap://127.0.0.1:{PORT}', more='', deadline='4s', refresh='60m', age='24h', unavailable='stop', plaintext=True):
    people = PEOPLE.format(name='people', uri=uri)
    if not plaintext:
        people = people.replace('insecure_plaintext = yes\n', '')
    configure(above_local(f'{people}{more}refresh = {refresh}\nreplica_max_age = {age}\non_unavailable = {unavailable}\n', deadline))


make_ldap()
settings()
service = started()
must('user add', directory='local', user='lorelei', password='lorelei-pw')
people = row()
check('the first synchronisation', (people['state'], people['users'] > 5, people['error']), ('ready', True, None))
check('a login by bind', login('alice', 'alice-pw'), lambda a: (a['reason'], a['directory']) == ('ok', 'people'))
check('... in any case', reason('ALICE', 'alice-pw'), 'ok')
check('... a wrong password', reason('alice', 'bob-pw'), 'wrong-password')
check('... an empty one', reason('alice', ''), lambda r: r != 'ok')
check('a name nobody has', reason('nobody-there', 'x'), 'user-not-found')
check('names that are filters', [reason(name, 'x') for name in ('*', 'a)(uid=*', 'alice)(cn=*')], ['user-not-found'] * 3)
check('a login below it', reason('lorelei', 'lorelei-pw'), 'ok')
tested = admin('directory test', directory='people', user='alice', password='alice-pw')
check('directory test', (tested['exit'], tested['object']['result']), (0, 'ok'))
check('... a wrong password', admin('directory test', directory='people', user='alice', password='x')['object']['reason'], 'wrong-password')
check('... a user that is not there', admin('directory test', directory='people', user='ghost')['exit'], 3)
check('a change that the server refuses (P6)', admin('user modify', directory='people', user='alice', display_name='x')['object'],
      lambda o: 'permission-denied' in json.dumps(o) and 'people' in json.dumps(o))

# ways to reach it
for what, uri, more in (('ldaps', f'ldaps://127.0.0.1:{SPORT}', f'tls_ca_file = {DIR}/tls/ca.crt'),
                        ('ldaps by a name of /etc/hosts', f'ldaps://ldap.test:{SPORT}', f'tls_ca_file = {DIR}/tls/ca.crt'),
                        ('StartTLS', f'ldap://127.0.0.1:{PORT}', f'tls_ca_file = {DIR}/tls/ca.crt\nstarttls = yes'),
                        ('a socket of this host', 'ldapi://' + str(DIR / 'ldapi').replace('/', '%2F'), '')):
    replace('/etc/hosts', '127.0.0.1 localhost ldap.test\n')
    settings(uri, more + '\n', plaintext=False)
    reloaded = admin('reload')
    check(f'{what}: reload', reloaded['exit'], 0)
    check(f'{what}: synchronised', [one['error'] for one in admin('directory sync', directory='people')['object']['directories']], [None])
    check(f'{what}: a login', reason('bob', 'bob-pw'), 'ok')
settings(f'ldaps://127.0.0.1:{SPORT}', f'tls_ca_file = {DIR}/tls/other-ca.crt\n', plaintext=False)
admin('reload')
check('a server of another authority: refused', (admin('directory sync', directory='people')['exit'], reason('bob', 'bob-pw')), (6, 'unavailable'))
check('... what was read before stays', row(), lambda r: r['state'] == 'failed' and r['users'] == people['users'] and r['error'])
settings()
admin('reload')
check('the server is back', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 8) and admin('directory sync', directory='people')['exit'], 0)

# the server is gone
slapd('stop')
answer, took = timed(reason, 'alice', 'alice-pw')
check('a server that is gone: unavailable', answer, 'unavailable')
check('... soon', took, lambda t: t < 1)
check('... a name that the replica proves is not there goes on (L6)', reason('lorelei', 'lorelei-pw'), 'ok')
check('... what is published stays', b'alice\0' in VIEW.read_bytes())
failed = admin('directory sync', directory='people')
check('... directory sync says so', (failed['exit'], failed['object']['directories'][0]['state']), (6, 'failed'))
check('... all of them: the others are read', [one['state'] for one in admin('directory sync')['object']['directories']], ['failed', 'ready'])
check('... status is no "not yet"', admin('status')['exit'], 0)

# a server that takes connections and says nothing
silent = Silent(PORT)
answer, took = timed(reason, 'alice', 'alice-pw')
check('a server that says nothing: unavailable by the deadline', (answer, took < 4.3), ('unavailable', True))
waits = [timed(reason, 'alice', 'alice-pw') for _ in range(5)]
check('... known now: at once', [answer for answer, _ in waits] == ['unavailable'] * 5 and max(took for _, took in waits), lambda t: 0 < t < 0.05)
check('... others are not slowed', timed(reason, 'lorelei', 'lorelei-pw'), lambda a: a[0] == 'ok' and a[1] < 1)
silent.close()
slapd('start', PORT, SPORT)
check('... back again', wait_for(lambda: reason('alice', 'alice-pw') == 'ok', 10, 0.2))

# a worker that dies in the middle of a login, and in the middle of a synchronisation
pid = slapd_pid()
freeze(pid)
answers = []
asking = threading.Thread(target=lambda: answers.append(timed(reason, 'bob', 'bob-pw')))
asking.start()
killed = wait_for(lambda: service.workers('people'))
time.sleep(0.3)
kill_workers(service)
asking.join(10)
check('a worker killed in a login: unavailable, at once', answers and (answers[0][0], answers[0][1] < 2), ('unavailable', True))
os.kill(pid, signal.SIGCONT)
check('... the next one works', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 8, 0.2))
before = VIEW.read_bytes()


def in_the_middle(victims):
    """A synchronisation that hangs, and what `directory sync` says when the victims are killed."""
    freeze(pid)
    replies = []
    asking = threading.Thread(target=lambda: replies.append(admin('directory sync', directory='people', limit=60)))
    asking.start()
    wait_for(lambda: service.workers('people'))
    time.sleep(0.3)
    for victim in victims():
        os.kill(victim, signal.SIGKILL)
    time.sleep(0.3)
    os.kill(pid, signal.SIGCONT)
    asking.join(60)
    return replies[0] if replies else None


reply = in_the_middle(lambda: service.workers('people'))
check('a worker killed in a synchronisation: told', reply and (reply['exit'], reply['object']['directories'][0]['error']),
      lambda r: r and r[0] == 6 and ('broke off' in r[1] or 'worker' in r[1]))
check('... the replica and the view stay', (row()['users'], VIEW.read_bytes() == before), (people['users'], True))
check('... and it is tried again', wait_for(lambda: row()['state'] == 'ready' and row()['age'] < 20, 15, 0.2))
reply = in_the_middle(lambda: [service.keeper()])
check('a keeper killed in a synchronisation: the next keeper gets another', reply and reply['exit'], 0)
check('... logins go on', reason('alice', 'alice-pw'), 'ok')

# L5, L6: a replica that is too old is no proof
settings(age='1s')
admin('reload')
admin('directory sync', directory='people')
time.sleep(2.2)
check('an old replica: asked live', [reason('alice', 'alice-pw'), reason('lorelei', 'lorelei-pw'), reason('ghost', 'x')], ['ok', 'ok', 'user-not-found'])
slapd('stop')
check('... and the server is gone: nobody is passed over', [reason('alice', 'alice-pw'), reason('lorelei', 'lorelei-pw')], ['unavailable'] * 2)
settings(age='1s', unavailable='next')
admin('reload')
check('... on_unavailable = next: only whom no replica has', [reason('alice', 'alice-pw'), reason('lorelei', 'lorelei-pw')], ['unavailable', 'ok'])
slapd('start', PORT, SPORT)

# the password of the service's own account
settings()
check('reload', admin('reload')['exit'], 0)
check('the server is back', wait_for(lambda: admin('directory sync', directory='people')['exit'] == 0, 10))
os.chmod('/etc/multidir/reader', 0o644)
kill_workers(service)
wait_for(lambda: not service.workers('people'))
reply = admin('directory sync', directory='people')
check('a password that others can read is not used', (reply['exit'], reply['object']['directories'][0]['error']),
      lambda r: r[0] == 6 and '/etc/multidir/reader' in r[1])
check('... logins neither', reason('alice', 'alice-pw'), 'unavailable')
check('... it is in no log', 'reader-pw' in service.text(), False)
os.chmod('/etc/multidir/reader', 0o600)
check('... until that is mended', wait_for(lambda: reason('alice', 'alice-pw') == 'ok', 5, 0.2) and admin('directory sync', directory='people')['exit'], 0)

# an entry that is gone: the login asks for a synchronisation
slapd('change', stdin='dn: uid=alice,ou=people,dc=example,dc=org\nchangetype: delete\n')
check('an entry that is gone: no password of it is right', reason('alice', 'alice-pw'), 'wrong-password')
check('... and the replica is read again by itself', wait_for(lambda: b'alice\0' not in VIEW.read_bytes(), 40, 0.2))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))

# a start without a server, and with one that hangs
slapd('stop')
subprocess.run(['find', STATE, '-mindepth', '1', '-delete'], check=True)
service = Service()
check('a start without a server: status waits for the first failure only', service.wait_ready())
check('... nothing below it is published (D6)', (row()['state'], must('user add', directory='local', user='lorelei', password='lorelei-pw')['result'],
                                                b'lorelei\0' in VIEW.read_bytes()), ('failed', 'done', False))
check('... and its logins stop (L5)', reason('lorelei', 'lorelei-pw'), 'unavailable')
service.stop()
silent = Silent(PORT)
service = Service()
check('a first synchronisation that hangs: syncing, exit 7', wait_for(lambda: RUN.joinpath('admin.sock').exists() and row() and row()['state'], 5, 0.1), 'syncing')
check('... exit', admin('status')['exit'], 7)
silent.close()
slapd('start', PORT, SPORT)
check('... and when it answers', wait_for(lambda: row()['state'] == 'ready' and admin('status')['exit'] == 0, 40, 0.2))
check('... all is there', [reason('bob', 'bob-pw'), reason('lorelei', 'lorelei-pw')], ['ok', 'ok'])
service.stop()
slapd('stop')
done()
