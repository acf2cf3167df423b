"""A server that changes groups when somebody in them goes or is renamed, and tells nobody (slapd's refint): what was told is shown at once, and soon
everything is read."""
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
configure(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{PORT}') +
          '\n[application/host]\ndirectories = people\n[application/host/people]\nallow_all = yes\n')
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
check('both are members', wait_for(lambda: groups('rita') == groups('rolf') == ['keepers'], 5, 0.05))

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

COUNT = 60
slapd('change', stdin=''.join(person(f'm{n}') for n in range(COUNT)) +
      'dn: cn=many,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfNames\ncn: many\n' +
      ''.join(f'member: uid=m{n},ou=people,dc=example,dc=org\n' for n in range(COUNT)) + '\n')
check('a large group', wait_for(lambda: groups(f'm{COUNT - 1}') == ['many'], 10, 0.1))
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
