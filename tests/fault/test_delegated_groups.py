"""Groups that a delegated directory imports, while the server gives their names to others (D3, L4, N2): who passes a gate is in the server's group that has
the gate's name now.

Relies on: ldap_bed.py.
Must never: be run outside run.sh.
"""
from ldap_bed import *

BASE = 'dc=example,dc=org'
GROUPS = f'ou=groups,{BASE}'
PEOPLE_HERE = PEOPLE.replace('type = ldap', 'type = delegated').format(name='people', uri=f'ldap://127.0.0.1:{PORT}') + """create_on_login = yes
update_on_login = yes
import_groups_on_login = yes
"""
SETTINGS = f"""[service]
login_deadline = 4s
{PEOPLE_HERE}[application/host]
directories = people
[application/host/people]
allow_groups = gate, local-gate
"""


def renamed(name, new):
    return f'dn: cn={name},{GROUPS}\nchangetype: modrdn\nnewrdn: cn={new}\ndeleteoldrdn: 1\n\n'


def removed(name, where=GROUPS):
    return f'dn: cn={name},{where}\nchangetype: delete\n\n'


def change(*texts):
    slapd('change', stdin=''.join(texts))


def log_in(*names):
    """The reasons. The login that brings a change waits for the view that shows it, and passes or not by what it brought."""
    return [reason(name, f'{name}-pw') for name in names]


make_ldap()
configure(SETTINGS)
change(*map(person_with_password, ('ann', 'ben', 'cyd')), f'dn: ou=more,{BASE}\nchangetype: add\nobjectClass: organizationalUnit\nou: more\n\n',
       group('gate', 'ann'), group('others', 'ben'))
service = started()
check('L4: in the group, and not', log_in('ann', 'ben'), ['ok', 'wrong-password'])

change(renamed('gate', 'former'), group('gate', 'cyd'))
check('L4: her group has another name, and his has the gate\'s', log_in('ann', 'cyd'), ['wrong-password', 'ok'])
check('D3: both are here', (group_members('former'), group_members('gate')), (['ann'], ['cyd']))
check('I5: and published', wait_for(lambda: has('former'), 5), True)

change(renamed('gate', 'past'), group('gate', 'ben'))
check('L4: likewise, where the one who comes first is in the new one', log_in('ben', 'cyd'), ['ok', 'wrong-password'])
check('D3: each is under its name', (group_members('past'), group_members('gate')), (['cyd'], ['ben']))

change(removed('gate'), group('gate', 'ann'))
check('L4: removed at the server, and made anew', log_in('ann', 'ben'), ['ok', 'wrong-password'])

change(renamed('gate', 'aside'), renamed('past', 'gate'), renamed('aside', 'past'))
check('L4: two that exchange their names', log_in('cyd', 'ann'), ['ok', 'wrong-password'])

must('group add', directory='people', group='local-gate')
must('member add', directory='people', group='local-gate', names=['ben'])
change(group('Local-Gate', 'ann'))
check('D3: a group of this host keeps its name and its members', (log_in('ann', 'ben'), group_members('local-gate')), (['wrong-password', 'ok'], ['ben']))
must('member remove', directory='people', group='local-gate', names=['ben'])

# The gate is the group that cyd is in; now there is another of that name, elsewhere.
change(group('GATE', 'ben', where=f'ou=more,{BASE}'))
check('N2: two of one name at the server are nobody\'s', log_in('ben', 'cyd', 'ben'), ['wrong-password'] * 3)
check('N2: the log says which', f'group GATE (cn=GATE,ou=more,{BASE}) is nobody\'s: cn=gate,{GROUPS} has the same name' in service.text(), True)
change(removed('gate'))
check('N2: one of them is gone', log_in('ben', 'cyd'), ['ok', 'wrong-password'])
service.stop()
slapd('stop')
done()
