"""Several servers where one was thought to be, and one that is not well where another is: a name with two addresses, a balancer before two servers that differ,
a preferred server that refuses what it is asked. What is read at one server is said of that one only (L12, U2); whoever can answer is asked."""
import os
import subprocess

from ldap_front import *

PEOPLE_DN = 'ou=people,dc=example,dc=org'
READER = 'cn=reader,dc=example,dc=org'


def opens(port, password, user='alice'):
    return subprocess.run(['ldapwhoami', '-x', '-H', f'ldap://127.0.0.1:{port}', '-D', f'uid={user},{PEOPLE_DN}', '-w', password],
                          capture_output=True, timeout=20).returncode == 0


def configure_uri(*uris, account=READER, more=''):
    configure('[service]\nlogin_deadline = 4s\n' + one_directory(more=f'user_base = ou=people\nrefresh = 1h\n{more}').replace(
        f'uri = ldap://127.0.0.1:{PORT}', 'uri = ' + ', '.join(uris)).replace(READER, account))


def fresh_workers(front):
    """The next login opens its connections, the first of which has number 1."""
    kill_workers(service)
    wait_for(lambda: not service.workers('people'), 5)
    front.count = 0


def said(user, password):
    """After workers were killed, none is started for a moment, and logins are told so."""
    wait_for(lambda: answers.append(reason(user, password)) or answers[-1] != 'unavailable', 5, 0.3)
    return answers[-1]


answers = []


os.environ['SLAPD_NO_SYNCPROV'] = '1'  # no watch, whose connections would be counted as well
make_ldap()
start_twin()
slapd('change', folder=DIR2, stdin=f'dn: uid=alice,{PEOPLE_DN}\nchangetype: delete\n\n' + person('alice').rstrip('\n') + '\nuserPassword: other-pw\n\n')
set_reader_password('admin-pw')

# one address, two servers: at the second, alice's DN is somebody else's by now
front = Front(lambda number, tag: PORT if number == 1 else PORT2)
configure_uri(f'ldap://127.0.0.1:{FRONT}', account='cn=admin,dc=example,dc=org')
front.choose = lambda number, tag: PORT
service = started()
check('one server: a login', reason('alice', 'alice-pw'), 'ok')
front.choose = lambda number, tag: PORT if number == 1 else PORT2


def tried_there():
    """Whether the password came to the second server: a probe may take number 1, and the entry is read at the second one, too."""
    fresh_workers(front)
    refused.append(said('alice', 'other-pw'))
    return wait_for(lambda: 'is not one server' in service.text(), 1, 0.1)


refused = []
check('L12: read at one, the password right at the other: refused, and the log says why', (wait_for(tried_there, 20, 0), set(refused)), (True, {'wrong-password'}))
fresh_workers(front)
check('somebody who is the same entry at both is let in', said('bob', 'bob-pw'), 'ok')
fresh_workers(front)
set_by_root = admin('user password', user='alice', password='brand-new-1')
check('U2: a password is not set at the other', (set_by_root['exit'] != 0, opens(PORT, 'brand-new-1'), opens(PORT2, 'brand-new-1')), (True, False, False))
check('... both have what they had', (opens(PORT, 'alice-pw'), opens(PORT2, 'other-pw')), (True, True))

# ... whichever connection it is: those that begin with the bind as bind_dn read at the first, and passwords are tried at the second
front.choose = lambda number, tag: PORT if tag == BIND else PORT2
fresh_workers(front)
check('somebody who is the same entry at both is let in, again', said('bob', 'bob-pw'), 'ok')
for code in 51, 52, 53, 80, 1, 3, 10:
    front.answer = lambda search: code if search.port == PORT2 and of_own_entry(search) else 0
    front.searches.clear()
    answers.clear()
    came = wait_for(lambda: answers.append(reason('alice', 'other-pw')) or any(map(of_own_entry, front.searches)), 5, 0.2)
    check(f'L12: somebody else\'s password, and the server says {code} about whose entry it is', (came, set(answers)), (True, {'unavailable'}))
front.choose = lambda number, tag: PORT
for code in 32, 50:
    front.answer = lambda search: code if of_own_entry(search) else 0
    front.searches.clear()
    fresh_workers(front)
    check(f'the own password, where who is bound may not read that ({code})', (said('alice', 'alice-pw'), any(map(of_own_entry, front.searches))), ('ok', True))
front.answer = well
service.stop()

# ... and nothing is said of anybody by another one's password that must be changed
slapd('change', folder=DIR2, stdin=f'dn: uid=alice,{PEOPLE_DN}\nchangetype: modify\nadd: pwdReset\npwdReset: TRUE\n\n')
configure_uri(f'ldap://127.0.0.1:{FRONT}', account='cn=admin,dc=example,dc=org', more='permissions = read-only')
service = started()
check('one server, once more', said('alice', 'alice-pw'), 'ok')
front.choose = lambda number, tag: PORT if tag == BIND else PORT2
fresh_workers(front)
check('the same entry at both, once more', said('bob', 'bob-pw'), 'ok')
# slapd itself shows nothing to whoever must change the password; others do.
front.answer = lambda search: entry_of(f'uid=alice,{PEOPLE_DN}', 'entryUUID', 'd1e0c5f2-0000-4000-8000-000000000001') if of_own_entry(search) else 0
front.searches.clear()
answers.clear()
came = wait_for(lambda: answers.append(reason('alice', 'other-pw')) or any(map(of_own_entry, front.searches)), 5, 0.2)
check('L7: somebody else\'s password that must be changed', (came, set(answers)), (True, {'wrong-password'}))
front.answer = well
front.choose = lambda number, tag: PORT2
must('directory sync', directory='people', full=True)
fresh_workers(front)
check('L7: ... and the own one', said('alice', 'other-pw'), 'password-expired')
slapd('change', folder=DIR2, stdin=f'dn: uid=alice,{PEOPLE_DN}\nchangetype: modify\ndelete: pwdReset\n\n')
front.choose = lambda number, tag: PORT
service.stop()

configure_uri(f'ldap://127.0.0.1:{FRONT}', account='cn=admin,dc=example,dc=org')
service = started()
must('directory sync', directory='people', full=True)
slapd('config', stdin=f'dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {{0}}to dn.children="{PEOPLE_DN}" attrs=entry,entryUUID '
                      f'by dn.exact="{READER}" read by * none\n')
front.choose = lambda number, tag: PORT
fresh_workers(front)
check('whoever may not read the own entry logs in all the same', said('alice', 'alice-pw'), 'ok')
service.stop()
front.close()

# one name, two addresses, of which the first takes no new connections any more
for address in '127.0.0.2/8', '127.0.0.3/8':
    subprocess.run(['ip', 'addr', 'add', address, 'dev', 'lo'], check=True)
first, second = Front(PORT, address='127.0.0.2'), Front(PORT2, address='127.0.0.3')
replace('/etc/hosts', '127.0.0.1 localhost\n127.0.0.2 dc.example.test\n127.0.0.3 dc.example.test\n')
configure_uri(f'ldap://dc.example.test:{FRONT}', account='cn=admin,dc=example,dc=org')
service = started()
check('a name with two addresses: a login', said('bob', 'bob-pw'), 'ok')
first.close()
check('L12: read at the first, the password right at the second', said('alice', 'other-pw'), 'wrong-password')
check('U2: nor is one set there', (admin('user password', user='alice', password='brand-new-1')['exit'] != 0, opens(PORT2, 'brand-new-1')), (True, False))
check('bob is there, too', said('bob', 'bob-pw'), 'ok')
service.stop()
second.close()

# two servers with the same entries, the preferred one of which is not well
set_reader_password('reader-pw')
ill = Front(PORT2)
configure_uri(f'ldap://127.0.0.1:{FRONT}', f'ldap://127.0.0.1:{PORT}')
service = started()
check('the preferred one of two', (said('bob', 'bob-pw'), ill.count > 0), ('ok', True))
for code in 51, 52, 53, 80:
    ill.answer = lambda search: code
    fresh_workers(ill)
    check(f'searches answered with {code}: the other one is asked', said('bob', 'bob-pw'), 'ok')
    check('... by a synchronisation, too', wait_for(lambda: admin('directory sync', directory='people', full=True)['exit'] == 0, 10, 0.2), True)
    ill.answer = well
slapd('change', folder=DIR2, stdin=f'dn: {READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: older-pw\n')
for what in 'its account refused', '... and once more, by new processes':
    fresh_workers(ill)
    check(f'{what}: the other one is asked', said('bob', 'bob-pw'), 'ok')
check('... by a synchronisation, too', admin('directory sync', directory='people', full=True)['exit'], 0)

service.stop()
slapd('stop', folder=DIR2)
slapd('stop')
done()
