"""A login is one server's: where the one that it began at fails in its midst, it is begun again at another one, as a whole, and within its time (D3, L4, L5).
Servers that refuse bind_dn are passed over.

Relies on: ldap_front.py.
Must never: be run outside run.sh.
"""
import itertools
import shutil

from ldap_front import *

A, B = f'ldap://127.0.0.1:{FRONT}', f'ldap://127.0.0.1:{PORT}'
INNER = 'cn=inner,ou=groups,dc=example,dc=org'
READER = 'cn=reader,dc=example,dc=org'


def delegated(*uris):
    here = PEOPLE.replace('type = ldap', 'type = delegated').format(name='people', uri=', '.join(uris))
    configure(f"""[service]
login_deadline = 4s
{here}create_on_login = yes
update_on_login = yes
import_groups_on_login = yes
nested_groups = yes
[application/host]
directories = people
[application/host/people]
allow_groups = gate
""")


def ldap(name, *uris):
    configure('[service]\nlogin_deadline = 4s\n' + SECTION.format(name=name, uri=', '.join(uris), base='dc=example,dc=org') + f"""user_base = ou=people
[application/host]
directories = {name}
[application/host/{name}]
allow_all = yes
""")


def log_in(name):
    return reason(name, f'{name}-pw')


make_ldap()
slapd('change', stdin=''.join(map(person_with_password, ('ann', 'cyd', 'eve', 'fay'))) + group('gate', 'ann') + group('inner', 'cyd', 'fay'))
start_twin()
# At A, eve is in inner; at B, inner is in gate. So eve passes at neither, and cyd at B alone.
slapd('change', folder=DIR2, stdin=f'dn: {INNER}\nchangetype: modify\nadd: member\nmember: uid=eve,ou=people,dc=example,dc=org\n\n')
slapd('change', stdin=f'dn: cn=gate,ou=groups,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: {INNER}\n\n')
a = Front(PORT2)


def from_the(number, word):
    """The answer to that one of the searches of groups, and to all after it."""
    count = itertools.count(1)
    return lambda search: word if of_groups(search) and next(count) >= number else 0


def begun_well(*uris):
    """The service anew, which has not found anybody to be ill."""
    a.answer = well
    delegated(*uris)
    return started()


service = begun_well(A)
check('L4: who passes at the one server', [log_in(name) for name in ('ann', 'cyd', 'eve')], ['ok', 'wrong-password', 'wrong-password'])
service.stop()
service = begun_well(B)
check('L4: ... and at the other', [log_in(name) for name in ('ann', 'cyd', 'eve')], ['ok', 'ok', 'wrong-password'])
service.stop()

# the preferred one refuses to search for groups
for number, code in (1, 53), (1, 51), (1, 80), (1, 1), (2, 51), (2, 80):
    service = begun_well(A, B)
    a.answer = from_the(number, code)
    a.searches.clear()
    refused = [log_in('ann') for _ in range(3)]
    check(f'D3: the preferred server answers from search {number} of groups on with {code}: each login is begun again at the other', refused, ['ok'] * 3)
    check('... the preferred one had been asked', any(map(of_groups, a.searches)))
    a.answer = well
    check('... and when it does no more', log_in('ann'), 'ok')
    service.stop()

# it fails between two searches of groups
for what, word in ('is gone', None), ('cuts the connection', CUT), ('is busy', 51), ('fails', 80), ('says nothing any more', KEPT):
    for name, want in ('eve', 'wrong-password'), ('cyd', 'ok'):
        if (what, name) == ('cuts the connection', 'cyd'):
            continue  # it may be asked anew, who lets cyd in no more than before
        service = begun_well(A, B)
        fails = []

        def answer(search):
            if not of_groups(search) or INNER.encode() not in search.data or (word == CUT and fails):
                return 0
            fails.append(search)
            if word is None:
                a.die()
            return CUT if word is None else word

        a.answer = answer
        got, took = timed(log_in, name)
        check(f'L4: the server {what} between two searches of groups: {name} is judged by one server alone', (got, len(fails) > 0), (want, True))
        check('... within the time of a login', took < 5)
        if name == 'eve':
            check('L4: ... by its gate', 'deny user="eve" reason=no-access rule=L4' in service.text())
            check('D3: ... and nothing is on record that neither says', 'eve' in (group_members('gate') or []), False)
        service.stop()
        if word is None:
            a = Front(PORT2)

# it does not answer searches of entries any more, or only those of users about themselves
ldap('users', A, B)
for what, answer in (('answers no search below the base', lambda search: KEPT),
                     ('answers no search of who has just bound', lambda search: KEPT if of_own_entry(search) else 0),
                     ('is busy for who has just bound', lambda search: 51 if of_own_entry(search) else 0),
                     ('fails for who has just bound', lambda search: 80 if of_own_entry(search) else 0)):
    a.answer = well
    service = started()
    wait_for(lambda: (row('users') or {}).get('state') == 'ready', 10, 0.1)
    check('a login at the preferred server', (wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 10, 0.2), any(map(of_own_entry, a.searches))), (True, True))
    a.answer = answer
    a.searches.clear()
    first, rest = timed(reason, 'bob', 'bob-pw'), [timed(reason, 'bob', 'bob-pw') for _ in range(4)]
    check(f'L5: the preferred server {what}: a login is the other\'s', (first[0], first[1] < 5, len(a.searches) > 0), ('ok', True, True))
    check('... and those after it, quickly', [got for got in rest if got[0] != 'ok' or got[1] > 1], [])
    service.stop()
    a.searches.clear()

# bind_dn is refused
slapd('change', folder=DIR2, stdin=f'dn: {READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: older-pw\n')
fronts = [Between(FRONT + 1 + number, to=PORT2) for number in range(5)]


def first_start(refusing):
    """Of a service that has never read anybody, with so many servers that refuse before the one that does not."""
    for entry in STATE.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for front in fronts:
        front.binds.clear()
    ldap('users', *[f'ldap://127.0.0.1:{FRONT + 1 + number}' for number in range(refusing)], B)
    return started()


for refusing in 2, 3:
    service = first_start(refusing)
    check(f'{refusing} servers refuse bind_dn, and the next one takes it: it is read', wait_for(lambda: (row('users') or {}).get('state') == 'ready', 8, 0.1))
    check('... and asked for passwords', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 5, 0.2))
    service.stop()
service = first_start(5)
wait_for(lambda: (row('users') or {}).get('state') in ('failed', 'ready'), 10, 0.02)
check('of 5 that refuse it, no more than 4 are tried in one go', sum(front.binds.get(READER, 0) for front in fronts), lambda binds: 0 < binds <= 4)
service.stop()

slapd('stop', folder=DIR2)
slapd('stop')
done()
