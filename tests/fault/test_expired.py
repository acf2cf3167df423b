"""L7: a password that must be changed lets nobody in where it may not be changed from here: by the directory, by the application's mapping, or by
external_writes (P2, P5).

Relies on: bed.py, ldap_bed.py; slapd with its password policy.
Must never: touch the host's /etc, /run or /var/lib.
"""
from ldap_bed import *


def put_in_force(directory='', application='', mapping=''):
    configure(SECTION.format(name='people', uri=f'ldap://127.0.0.1:{PORT}', base='dc=example,dc=org') + f"""{directory}
[application/host]
directories = people
{application}
[application/host/people]
allow_all = yes
{mapping}
[application/other]
directories = people
services = other
[application/other/people]
allow_all = yes
""")


make_ldap()
slapd('change', stdin='dn: uid=alice,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: pwdReset\npwdReset: TRUE\n\n')
put_in_force()
service = started()
check('people are here', wait_for(lambda: reason('bob', 'bob-pw') == 'ok', 10, 0.1))
answer = login('alice', 'alice-pw')
check('L7 it can be changed: let in, to do so', (answer['reason'], answer['must_change'], 'must be changed' in answer['text']), ('ok', 1, True))
check('... and the change is allowed', change_password('alice', 'alice-pw', '', check_only=1), 'ok')

for rule, where, other in (('P2', {'mapping': 'permissions = read-only'}, 'ok'), ('P5', {'application': 'external_writes = never'}, 'ok'),
                           ('', {'directory': 'permissions = read-only'}, 'password-expired')):
    put_in_force(**where)
    must('reload')
    what = next(iter(where.values()))
    answer = login('alice', 'alice-pw')
    check(f'L7 {what}: denied, and why', (answer['reason'], answer['must_change'], 'cannot be changed from here' in answer['text']), ('password-expired', 0, True))
    check('... whoever does not know it is told nothing', reason('alice', 'wrong'), 'wrong-password')
    check('... whose password need not be changed is let in', reason('bob', 'bob-pw'), 'ok')
    check('... another application is asked for itself', reason('alice', 'alice-pw', service='other'), other)
    steps = admin('explain login', user='alice', service='login', password='alice-pw')['object']['steps']
    check('... explain names the rule', [step['rule'] for step in steps if step['rule'] in ('P2', 'P5')], [rule] if rule else [])
    said = change_password_answer('alice', 'alice-pw', '', check_only=1)
    check('... passwd is refused, with a text', (said[0], bool(said[1])), ('password-expired', True))
service.stop()
slapd('stop')
done()
