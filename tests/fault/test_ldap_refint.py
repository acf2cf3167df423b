"""A server that changes groups when somebody in them goes or is renamed, and tells nobody (slapd's refint): what was told is shown at once, and soon
everything is read."""
import os
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


def person(name):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\n\n'


def groups(name):
    entry = next((one for one in [admin('user show', user=name)] if one['exit'] == 0), None)
    return sorted(entry['object'].get('groups', [])) if entry else None


def full_age():
    return row()['full_age']


slapd('change', stdin=person('rita') + person('rolf') +
      'dn: cn=keepers,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfNames\ncn: keepers\n'
      'member: uid=rita,ou=people,dc=example,dc=org\nmember: uid=rolf,ou=people,dc=example,dc=org\n\n')
check('both are members', wait_for(lambda: groups('rita') == groups('rolf') == ['keepers'], 5, 0.05))

slapd('change', stdin='dn: uid=rita,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=renata\ndeleteoldrdn: 1\n\n')
check('a rename is seen at once', wait_for(lambda: groups('renata') is not None, 2, 0.05))
check('... and soon in the groups that the server changed with it', wait_for(lambda: groups('renata') == ['keepers'], 30, 0.2))
check('... by reading everything, no more than once', full_age() < 30)

slapd('change', stdin='dn: uid=rolf,ou=people,dc=example,dc=org\nchangetype: delete\n\n' + person('rolf'))
check('nobody inherits what the server has taken away', wait_for(lambda: groups('rolf') == [], 5, 0.05))
before = time.monotonic()
check('... everything is read again', wait_for(lambda: full_age() < time.monotonic() - before, 30, 0.2))
check('... nor is it given then', groups('rolf'), [])
check('... the other one stays', groups('renata'), ['keepers'])
before = full_age()
time.sleep(3)
check('a change of somebody in no group reads nothing more', full_age() >= before + 2)

slapd('change', stdin='dn: uid=renata,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=rosa\ndeleteoldrdn: 1\n\n')
check('a rename, and the service is stopped at once', wait_for(lambda: groups('rosa') is not None, 2, 0.05))
service.stop()
service = Service()
check('... the next one reads everything', service.wait_ready() and wait_for(lambda: groups('rosa') == ['keepers'], 10, 0.1))
service.stop()
slapd('stop')
done()
