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
slapd('change', stdin=''.join(map(person_with_password, ('ann', 'ben', 'cyd', 'dan', 'eve'))) +
      group('crew', 'dan').replace('groupOfNames', 'groupOfUniqueNames').replace('member:', 'uniqueMember:'))
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

# ---- A server closes the connection instead of answering a bind
for what, fronts, kept, user in (('the only server', [a], False, 'ann'), ('the only server', [a], True, 'ben'), ('the first of two', [a, b], False, 'cyd'),
                                 ('the first of two', [a, b], True, 'dan')):
    service = begun(*fronts)
    if kept:
        check('a login on a connection that is kept then', log_in('eve'), ('ok', 1, 0))
    a.ask = lambda request: CUT if of_a_user(request) else 0
    answer, *sent = log_in(user, 'wrong-pw')
    check(f'L11: {what} closes {"a kept" if kept else "the new"} connection at a bind: nobody is let in',
          answer == 'unavailable' or (fronts == [a, b] and answer == 'wrong-password'))
    check('L11: ... and the password is sent twice at most', (sent[0] > 0, sum(sent)), lambda got: got[0] and got[1] <= 2)
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


# ---- Another change, which the server says to have failed
for command, tag, fields in (('user add', ADD, {'directory': 'people'}), ('user modify', MODIFY, {'display_name': 'Another'}), ('user remove', DELETE, {})):
    user = 'fay' if command == 'user add' else 'eve'
    service = begun(a, b)
    a.answer = lambda search: 51
    b.ask = lambda request: Done(80) if request.tag == tag else 0
    reply = admin(command, limit=60, user=user, **fields)
    check(f'U12: the first server is busy, and the second does a change ({command}) and says that it failed', (bool(a.searches), reply['exit']), (True, 6))
    check('U12: ... it is sent once', (writes(a), writes(b)), ([], [tag]))
    service.stop()


# ---- A change, and one search of it is answered with "busy"
def one_busy(words, number, written):
    """The answer to that one of the searches with such a word, of those before or after something is written: 51, once. And the list of those."""
    count, busy = [], []

    def answer(search):
        if not any(word in search.data for word in words) or written != any(map(writes, (a, b))):
            return 0
        count.append(search)
        if len(count) == number:
            busy.append(search)
        return 51 if len(count) == number else 0

    return answer, busy


def changed(command, fields, number, written, *fronts):
    """What it comes to, without whom it is about: exit, and the object; and how many searches were answered so."""
    about = [fields[key] for key in ('user', 'group') if key in fields] + fields.get('names', [])
    service = begun(*fronts)
    answer, busy = one_busy([name.encode() for name in about], number, written)
    for front in fronts:
        front.answer = answer
    reply = admin(command, limit=60, **fields)
    service.stop()
    return (reply['exit'], json.dumps(reply['object'], sort_keys=True).replace(about[0], 'NAME')), len(busy)


def a_new_one(name):
    return {'directory': 'people', 'user': name, 'password': f'{name}-pw'}


def state(user):
    return 'done' if opens(user, f'{user}-pw') else 'partly' if is_there(user) else 'undone'


for number, what in (1, 'whether it is seen'), (2, 'before its password is set'), (3, 'of whose the connection is'):
    alone, asked = changed('user add', a_new_one(f'one{number}'), number, True, a)
    check(f'D2: a user is added, and a search after that ({what}) is answered with 51', asked, 1)
    both, asked = changed('user add', a_new_one(f'two{number}'), number, True, a, b)
    came_to = state(f'two{number}')
    check('D2: ... and at the first of two servers', asked, 1)
    good = (came_to, both[0] == 0) in (('done', True), ('undone', False)) or both == alone
    check(f'D2: ... which comes to no less than with one ({alone})', good or both)
    check('D2: ... what is taken back is taken back there', writes(a).count(DELETE), int(came_to == 'undone'))
    check('D2: ... and the other one is told nothing of it', (writes(a).count(ADD), writes(b)), (1, []))

for command, fields, number, what, tag in (('user add', a_new_one('new1'), 1, 'whether the name is free', ADD),
                                           ('user add', a_new_one('new2'), 2, 'which groups name it already', ADD),
                                           ('user modify', {'user': 'ann', 'display_name': 'A. Nother'}, 1, 'who it is', MODIFY),
                                           ('member add', {'group': 'crew', 'names': ['ben']}, 1, 'which group it is', MODIFY),
                                           ('member add', {'group': 'crew', 'names': ['cyd']}, 2, 'who it is', MODIFY)):
    got, asked = changed(command, fields, number, False, a, b)
    check(f'D2: {command}: a search before anything is written ({what}) is answered with 51', asked, 1)
    check('D2: ... it is begun again at the other server, and done', got, lambda got: got[0] == 0)
    check('D2: ... there alone, and once', (writes(a), writes(b).count(tag)), ([], 1))

slapd('stop')
done()
