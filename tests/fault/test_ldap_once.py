"""What counts at a server is sent once: a user's password for each login, a change and what becomes of it; whichever server fails, and whatever it says.

Relies on: ldap_front.py.
Must never: be run outside run.sh.
"""
import json
import os
import subprocess

from ldap_front import *

PEOPLE_DN = 'ou=people,dc=example,dc=org'
ADMIN_DN = 'cn=admin,dc=example,dc=org'
WRITES = MODIFY, ADD, DELETE, EXTENDED
PAUSE = 1.9  # of the 3 s that a login_deadline of 4 s leaves the directory: more than a half


def begun(*fronts):
    """The service anew, before those, all of which are well; when it has read everybody."""
    for front in fronts:
        front.answer = front.ask = well
    configure('[service]\nlogin_deadline = 4s\n' + one_directory(more='user_base = ou=people\nrefresh = 1h\n').replace(
        f'ldap://127.0.0.1:{PORT}', ', '.join(f'ldap://127.0.0.1:{front.port}' for front in fronts)))
    service = started()
    wait_for(lambda: (row() or {}).get('state') == 'ready', 10, 0.05)
    forget()
    return service


def forget():
    for front in a, b:
        front.requests.clear()
        front.searches.clear()


def of_a_user(request):
    return request.tag == BIND and request.who.startswith('uid=')


def binds(front):
    """As whom users have bound there, or tried to."""
    return [request.who[4:request.who.index(',')] for request in list(front.requests) if of_a_user(request)]


def writes(front):
    return [request.tag for request in list(front.requests) if request.tag in WRITES]


def log_in(user, password=None):
    """What it comes to, and how often a password was sent for it to each server."""
    before = len(binds(a)), len(binds(b))
    answer = reason(user, password or f'{user}-pw')
    return answer, len(binds(a)) - before[0], len(binds(b)) - before[1]


def recovered(front, user='eve'):
    """It is well again, and the service knows that. Nobody else's password is tried."""
    front.answer = front.ask = well
    wait_for(lambda: reason(user, f'{user}-pw') == 'ok', 10, 0.2)


def opens(user, password):
    return subprocess.run(['ldapwhoami', '-x', '-H', f'ldap://127.0.0.1:{PORT}', '-D', f'uid={user},{PEOPLE_DN}', '-w', password],
                          capture_output=True, timeout=20).returncode == 0


def is_there(user):
    return subprocess.run(['ldapsearch', '-x', '-H', f'ldap://127.0.0.1:{PORT}', '-D', ADMIN_DN, '-w', 'admin-pw', '-s', 'base', '-b', f'uid={user},{PEOPLE_DN}', '1.1'],
                          capture_output=True, timeout=20).returncode == 0


os.environ['SLAPD_NO_SYNCPROV'] = '1'  # no watch: what is read is read for what is asked
make_ldap()
slapd('change', stdin=''.join(map(person_with_password, ('ann', 'ben', 'cyd', 'dan', 'eve'))))
slapd('config', stdin='dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n'
                      'olcAccess: {0}to * by dn.exact="cn=reader,dc=example,dc=org" write by * break\n')
a, b = Front(PORT), Front(PORT, port=FRONT + 1)


# ---- Servers that take their time over a password: each is sent to one of them, once
def slow_binds(request):
    return Late(PAUSE) if of_a_user(request) else 0


service = begun(a, b)
a.ask = b.ask = slow_binds
answer, *sent = log_in('ann')
check(f'L11: two servers that answer a bind after {PAUSE} s: the right password', (answer, sum(sent)), ('ok', 1))
tries = [log_in('ben', 'wrong-pw') for _ in range(6)]
check('L11: ... a wrong one is one', [answer for answer, *_ in tries], ['wrong-password'] * 6)
check('L11: ... each time it is sent once, to one server', [sum(sent) for _, *sent in tries], [1] * 6)
check('L11: ... and counts: the seventh is sent nowhere', log_in('ben', 'wrong-pw'), ('throttled', 0, 0))
service.stop()

# ---- The only server closes the connection instead of answering a bind
service = begun(a)
for what, user in ('a new connection', 'cyd'), ('one that was kept', 'dan'):
    a.ask = lambda request: CUT if of_a_user(request) else 0
    answer, *sent = log_in(user, 'wrong-pw')
    check(f'L11: the only server closes the connection at a bind, {what}: unavailable', answer, 'unavailable')
    check('L11: ... and the password is sent twice at most', sum(sent), lambda count: 1 <= count <= 2)
    recovered(a)
service.stop()

# ---- The own entry cannot be read after a right password
service = begun(a)
for code in 3, 10, 11, 80:
    recovered(a)
    a.answer = lambda search: code if of_own_entry(search) else 0
    check(f'L12: the server answers the reading of the own entry with {code}: unavailable, after one bind', log_in('ben'), ('unavailable', 1, 0))
service.stop()

# ---- What a server says of an account is no word on the server
for code in 53, 19:
    service = begun(a, b)
    a.ask = lambda request: code if of_a_user(request) and 'uid=ben' in request.who else 0
    check(f'L3: the first server answers a user\'s bind with {code}: refused', log_in('ben'), lambda got: got[0] not in ('ok', 'unavailable') and got[1:] == (1, 0))
    check('L9: ... the next user is asked about there', [log_in(user) for user in ('eve', 'ben', 'eve')][::2], [('ok', 1, 0)] * 2)
    check('L9: ... and nobody at the other one', ([request.who for request in b.requests if request.tag == BIND], len(b.searches)), ([], 0))
    service.stop()

# ---- A password is changed, or not, and the server says that it failed
def by_owner(user):
    return change_password(user, f'{user}-pw', 'brand-new-1')


def by_root(user):
    return admin('user password', user=user, password='brand-new-1')['object'].get('reason')


for what, word, as_asked, change, user in (('done, but said to have failed', Done(80), True, by_owner, 'ann'), ('not done', 80, False, by_owner, 'ben'),
                                           ('done, but said to have failed, by root', Done(80), True, by_root, 'cyd')):
    service = begun(a, b)
    check('U2: the first of two servers is well', log_in('eve'), ('ok', 1, 0))
    forget()
    a.answer = lambda search: 51
    b.ask = lambda request: word if request.tag == EXTENDED else 0
    answer = change(user)
    check(f'U2: the first server is busy, and a change of a password at the second is {what}', (bool(a.searches), opens(user, 'brand-new-1')), (True, as_asked))
    check('U2: ... it is not the old password that was wrong', answer, lambda said: said not in ('wrong-password', 'ok'))
    check('U2: ... it is sent once', (writes(a), writes(b)), ([], [EXTENDED]))
    check('U2: ... and the old password, too', sorted(binds(a) + binds(b)), [user] if change is by_owner else [])
    service.stop()


# ---- A user is added, and one search is answered with "busy"
def one_busy(user, number, added):
    """The answer to that one of the searches about the user, of those before or after the entry is added: 51, once. And the list of those."""
    count, busy = [], []

    def answer(search):
        if user.encode() not in search.data or added != any(request.tag == ADD for front in (a, b) for request in front.requests):
            return 0
        count.append(search)
        if len(count) == number:
            busy.append(search)
        return 51 if len(count) == number else 0

    return answer, busy


def add_user(user, number, added, *fronts):
    """What it comes to, without the user's name; and whether a search was answered so."""
    service = begun(*fronts)
    answer, busy = one_busy(user, number, added)
    for front in fronts:
        front.answer = answer
    reply = admin('user add', limit=60, directory='people', user=user, password=f'{user}-pw')
    service.stop()
    said = reply['exit'], json.dumps(reply['object'], sort_keys=True).replace(user, 'USER')
    state = 'done' if opens(user, f'{user}-pw') else 'partly' if is_there(user) else 'undone'
    return (said, state), len(busy)


for number, what in (1, 'whether it is seen'), (2, 'before its password is set'), (3, 'of whose the connection is'):
    alone, asked = add_user(f'one{number}', number, True, a)
    check(f'D2: a user is added, and a search after that ({what}) is answered with 51', asked, 1)
    both, asked = add_user(f'two{number}', number, True, a, b)
    check('D2: ... and at the first of two servers', asked, 1)
    (code, _), state = both
    good = state == 'done' and code == 0 or state == 'undone' and code != 0 or both == alone
    check(f'D2: ... which comes to no less than with one ({alone})', good or both)
    check('D2: ... what is taken back is taken back there', writes(a).count(DELETE), int(state == 'undone'))
    check('D2: ... and the other one is told nothing of it', (writes(a).count(ADD), writes(b)), (1, []))

for number, what in (1, 'whether the name is free'), (2, 'which groups name it already'):
    user = f'new{number}'
    got, asked = add_user(user, number, False, a, b)
    check(f'D2: a search before a user is added ({what}) is answered with 51', asked, 1)
    check('D2: ... it is begun again at the other server, and done', (got[0][0], got[1]), (0, 'done'))
    check('D2: ... there alone, and once', (writes(a), writes(b).count(ADD)), ([], 1))

slapd('stop')
done()
