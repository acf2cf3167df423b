"""A server that changes groups when somebody in them goes or is renamed, and tells nobody (slapd's refint): what was told is shown at once, and soon
everything is read. Whoever comes to a DN that a group named before is not in that group before then."""
import os
import re
import time

from ldap_bed import *

make_ldap()
slapd('wipe')
extra = TOP / 'refint.conf'
extra.write_text('moduleload refint\noverlay refint\nrefint_attributes member\nrefint_nothing cn=nobody\n')
os.environ['SLAPD_EXTRA'] = str(extra)
slapd('start', PORT, SPORT)
slapd('config', stdin='dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n'
      'olcAccess: {0}to * by dn.exact="cn=reader,dc=example,dc=org" write by * break\n')
configure(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{PORT}') +
          'user_base = ou=people\ngroup_base = ou=groups\nuser_filter = (&(objectClass=inetOrgPerson)(!(employeeType=left)))\n'
          '[application/host]\ndirectories = people\n[application/host/people]\nallow_groups = keepers\n')
service = Service()
check('it is ready, and watched', service.wait_ready() and wait_for(lambda: (row() or {}).get('kept_by') == 'watch', 10, 0.1))


def groups(name):
    entry = next((one for one in [admin('user show', user=name)] if one['exit'] == 0), None)
    return sorted(entry['object'].get('groups', [])) if entry else None


def full_age():
    return row()['full_age']


def runs():
    """That were begun, and came to an end or to a watch."""
    return len(re.findall('directory people: synchronised', service.text()))


slapd('change', stdin=person('rita') + person('rolf') +
      'dn: cn=keepers,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfNames\ncn: keepers\n'
      'member: uid=rita,ou=people,dc=example,dc=org\nmember: uid=rolf,ou=people,dc=example,dc=org\n\n')
# Users and groups are told by two searches: if the group is told before them, they are its members once everything was read.
check('both are members', wait_for(lambda: groups('rita') == groups('rolf') == ['keepers'], 30, 0.05))

before = runs()
slapd('change', stdin='dn: uid=rita,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=renata\ndeleteoldrdn: 1\n\n')
check('a rename is seen at once', wait_for(lambda: groups('renata') is not None, 2, 0.05))
check('... and soon in the groups that the server changed with it', wait_for(lambda: groups('renata') == ['keepers'], 30, 0.2))
check('... by reading everything', full_age() < 30)
time.sleep(17)
check('... no more than once', (runs() - before, full_age() >= 15), (1, True))

slapd('change', stdin='dn: uid=rolf,ou=people,dc=example,dc=org\nchangetype: delete\n\n' + person('rolf'))
check('nobody inherits what the server has taken away', wait_for(lambda: groups('rolf') == [], 5, 0.05))
before = time.monotonic()
check('... everything is read again', wait_for(lambda: full_age() < time.monotonic() - before, 30, 0.2))
check('... nor is it given then', groups('rolf'), [])
check('... the other one stays', groups('renata'), ['keepers'])
before = runs()
slapd('change', stdin='dn: uid=rolf,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=ralf\ndeleteoldrdn: 1\n\n')
check('a change of somebody in no group', wait_for(lambda: groups('ralf') == [], 5, 0.05))
time.sleep(17)
check('... reads nothing more', runs() - before, 0)

slapd('change', stdin='dn: uid=renata,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=rosa\ndeleteoldrdn: 1\n\n')
check('a rename, and the service is stopped at once', wait_for(lambda: groups('rosa') is not None, 2, 0.05))
service.stop()
service = Service()
check('... the next one reads everything', service.wait_ready() and wait_for(lambda: groups('rosa') == ['keepers'], 10, 0.1))

# Several changes in one delta: what a group says is of when it changed.
KEEPERS = 'dn: cn=keepers,ou=groups,dc=example,dc=org\nchangetype: modify\n'
DESCRIBED = KEEPERS + 'replace: description\ndescription: {0}\n\n'


def renamed(old, new):
    return f'dn: uid={old},ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid={new}\ndeleteoldrdn: 1\n\n'


def keep(*names):
    """They are made, and are in the group beside rosa; everything was read."""
    slapd('change', stdin=''.join(person(name) for name in names) + KEEPERS + 'replace: member\nmember: uid=rosa,ou=people,dc=example,dc=org\n' +
          ''.join(f'member: uid={name},ou=people,dc=example,dc=org\n' for name in names) + '\n')
    admin('directory sync', directory='people', full=True)
    check(f'all of {names} are members', wait_for(lambda: all(groups(name) == ['keepers'] for name in names), 5, 0.05))


keep('b1', 'b2', 'b3', 'b4', 'b5')
slapd('change', stdin=DESCRIBED.format('one') + gone('b1') + gone('b2') + person('b2') + renamed('b3', 'c3'))
check('a batch: who is gone is gone', wait_for(lambda: groups('b1') is None and groups('c3') is not None, 5, 0.05))
check('... who is made anew inherits nothing', groups('b2'), [])
slapd('change', stdin=renamed('b4', 'x4') + DESCRIBED.format('two') + renamed('x4', 'c4'))
check('who is renamed twice, and the group told in between, is here', wait_for(lambda: groups('c4') is not None, 5, 0.05))
slapd('change', stdin=person('b1') + person('b4') + person('x4'))
check('whoever has one of the names next inherits nothing',
      wait_for(lambda: groups('x4') is not None, 5, 0.05) and (groups('b1'), groups('b4'), groups('x4')), ([], [], []))
check('who was renamed is soon in the group, as the server says', wait_for(lambda: (groups('c3'), groups('c4')) == (['keepers'], ['keepers']), 40, 0.2))
check('... and the others are not', (groups('b1'), groups('b2'), groups('b4'), groups('x4'), groups('b5')), ([], [], [], [], ['keepers']))

# From here.
check('a rename from here', admin('user rename', limit=60, user='b5', new_name='c5')['exit'], 0)
check('... is done when the memberships are published', groups('c5'), ['keepers'])
check('... the next one, too', (admin('user rename', limit=60, user='c5', new_name='d5')['exit'], groups('d5')), (0, ['keepers']))
slapd('change', stdin=person('free'))
wait_for(lambda: groups('free') == [], 5, 0.05)
before = full_age()
check('a rename of somebody in no group', (admin('user rename', limit=60, user='free', new_name='freed')['exit'], groups('freed')), (0, []))
check('... reads nothing more', full_age() >= before)

# Whom user_filter hides goes, and the server takes the value away: nobody is told of either.
def hidden_and_gone(name):
    keep(name)
    slapd('change', stdin=f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: modify\nadd: employeeType\nemployeeType: left\n\n')
    check(f'{name} is hidden', wait_for(lambda: groups(name) is None, 5, 0.05))
    admin('directory sync', directory='people', full=True)
    slapd('change', stdin=gone(name))


def verdict(name):
    return admin('explain login', user=name, service='sshd')['object'].get('verdict')


hidden_and_gone('h1')
time.sleep(1)  # refint does it after the deletion
slapd('change', stdin=person('h1'))
check('the next one of a DN whose entry was hidden', wait_for(lambda: groups('h1') is not None, 5, 0.05))
check('... inherits nothing, and is not let in', (groups('h1'), verdict('h1')), ([], 'deny'))
check('... as one is who is in the group', verdict('rosa'), 'allow')
before = time.monotonic()
check('... everything is read', wait_for(lambda: full_age() < time.monotonic() - before, 30, 0.2))
check('... which gives nothing either', (groups('h1'), verdict('h1')), ([], 'deny'))
hidden_and_gone('h2')
time.sleep(1)
slapd('change', stdin=renamed('h1', 'h2'))
check('nor does one who is renamed to such a DN', wait_for(lambda: groups('h2') is not None, 5, 0.05) and (groups('h2'), verdict('h2')), ([], 'deny'))
slapd('change', stdin=KEEPERS + 'add: member\nmember: uid=h3,ou=people,dc=example,dc=org\n\n')
time.sleep(1)
slapd('change', stdin=person('h3'))
check('whom a group named before: seen at once', wait_for(lambda: groups('h3') is not None, 5, 0.05))
check('... and soon in the group that names it still', wait_for(lambda: groups('h3') == ['keepers'], 40, 0.2))
slapd('change', stdin=person('h4'))
check('whom no group named', wait_for(lambda: groups('h4') == [], 5, 0.05))
slapd('change', stdin=KEEPERS + 'add: member\nmember: uid=h4,ou=people,dc=example,dc=org\n\n')
check('... is in one as soon as that says so', wait_for(lambda: groups('h4') == ['keepers'], 2, 0.05))

COUNT = 60
slapd('change', stdin=''.join(person(f'm{n}') for n in range(COUNT)) +
      'dn: cn=many,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfNames\ncn: many\n' +
      ''.join(f'member: uid=m{n},ou=people,dc=example,dc=org\n' for n in range(COUNT)) + '\n')
# told beside the users by another search: a value that comes before its user waits for a full run
check('a large group', wait_for(lambda: groups(f'm{COUNT - 1}') == ['many'], 40, 0.1))
admin('directory sync', directory='people', full=True)
service.stop()
slapd('change', stdin=''.join(f'dn: uid=m{n},ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=r{n}\ndeleteoldrdn: 1\n\n' for n in range(COUNT - 10)))
service = Service()
check('what was told would lose too much: everything is read, and it loses nothing',
      service.wait_ready() and wait_for(lambda: groups('r1') == groups(f'r{COUNT - 11}') == ['many'], 20, 0.2))
service.stop()
slapd('stop')
service = Service()
check('the server is away: the last full run counts all the same',
      service.wait_ready() and wait_for(lambda: row()['state'] == 'failed', 20, 0.2) and wait_for(lambda: full_age() is not None, 5, 0.2))
service.stop()
done()
