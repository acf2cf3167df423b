"""Back to the preferred server, a minute after another one was turned to: between two logins, never in the midst of one, as a login is one server's (L4, D3); and
not for a watch whose preferred server refuses bind_dn, which is asked again after ten minutes only.

All of it waits for the same minute.

Relies on: ldap_front.py.
Must never: be run outside run.sh.
"""
import time

from ldap_front import *

MINUTE = 60
AWAY, HERE, REFUSING = FRONT, FRONT + 1, FRONT + 2
READER = 'cn=reader,dc=example,dc=org'
PEOPLE_THERE = PEOPLE.replace('type = ldap', 'type = delegated').format(name='people', uri=f'ldap://127.0.0.1:{AWAY}, ldap://127.0.0.1:{HERE}')
USERS = SECTION.format(name='users', uri=f'ldap://127.0.0.1:{REFUSING}, ldap://127.0.0.1:{PORT}', base='dc=example,dc=org')
SETTINGS = f"""[service]
login_deadline = 12s
{PEOPLE_THERE}create_on_login = yes
update_on_login = yes
import_groups_on_login = yes
nested_groups = yes
[application/host]
directories = people
[application/host/people]
allow_groups = outer
{USERS}user_base = ou=people
[application/second]
services = second
directories = users
[application/second/users]
allow_all = yes
"""

make_ldap()
slapd('change', stdin=person_with_password('ann') + group('inner', 'ann') + group('outer', 'cn=inner,ou=groups,dc=example,dc=org'))
start_twin()
slapd('change', folder=DIR2, stdin=f'dn: {READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: older-pw\n')
searches = []  # of entries and groups, at either server, in their order
came = []      # when the first one did


def note(search):
    came.append(time.monotonic())
    searches.append(search)
    return 0


def log_in():
    """The reason, and the servers that were asked."""
    searches.clear()
    return reason('ann', 'ann-pw'), {search.front for search in searches}


here, refusing = Front(PORT, port=HERE, answer=note), Front(PORT2, port=REFUSING)
configure(SETTINGS)
service = started()
check('the preferred server is away: a login at the other', log_in(), ('ok', {HERE}))
due = came[0] + MINUTE  # it was connected to shortly before that
check('a watch whose preferred server refuses bind_dn', wait_for(lambda: (row('users') or {}).get('kept_by') == 'watch', 10, 0.1))
watched = time.monotonic()
check('... which was asked once', refusing.binds, {READER: 1})

away = Front(PORT, port=AWAY, answer=note)
early = []
while time.monotonic() < due - 6:
    early.append(log_in())
    time.sleep(4)
check('the preferred server is back: for a minute, logins stay where they are', [got for got in early if got != ('ok', {HERE})], [])
time.sleep(max(0, due - 2 - time.monotonic()))


def hold(search):
    """The first answer about groups comes when the minute is over."""
    if of_groups(search) and not any(map(of_groups, searches)):
        time.sleep(max(0, due + 0.5 - time.monotonic()))
    return note(search)


here.answer = hold
got = log_in()
check('D3: the minute ends in the midst of a login: it stays where it began', (got, time.monotonic() > due), (('ok', {HERE}), True))
here.answer = note
late = []
check('... and a next one is the preferred server\'s', wait_for(lambda: late.append(log_in()) or late[-1] == ('ok', {AWAY}), 15, 0.5))
check('D3: each is one server\'s', [got for got in late if got not in (('ok', {HERE}), ('ok', {AWAY}))], [])
time.sleep(max(0, watched + MINUTE + 4 - time.monotonic()))
check('the watch has not tried the account again', (refusing.binds, (row('users') or {}).get('kept_by')), ({READER: 1}, 'watch'))

service.stop()
slapd('stop', folder=DIR2)
slapd('stop')
done()
