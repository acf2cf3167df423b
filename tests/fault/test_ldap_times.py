"""A server that does not tell of changes, and is asked what has changed since: times that are none."""
import os

from ldap_bed import *


def display(name, text):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: modify\nreplace: displayName\ndisplayName: {text}\n\n'


def read(text):
    admin('directory sync', limit=60, directory='people')
    return wait_for(lambda: text.encode() in VIEW.read_bytes(), 3, 0.1)


os.environ['SLAPD_NO_SYNCPROV'] = '1'
make_ldap()
slapd('change', stdin=person('one'))
configure(one_directory())
service = started()
check('the first one is full', shown('one', limit=10) and wait_for(lambda: row().get('kept_by') == 'changes', 10, 0.1))
slapd('change', stdin=display('one', 'ALPHA'))
check('a change is read', read('ALPHA'))
check('... as one', row().get('kept_by'), 'changes')
slapd('change', stdin=person('future').replace('sn: x\n', 'sn: x\nmodifyTimestamp: 20991231000000Z\n'))
check('an entry of the future is read', read('future\0'))
check('... and the next one is full', row().get('kept_by'), 'full')
slapd('change', stdin=display('one', 'BETA'))
check('what is changed after it is read', read('BETA'))
slapd('change', stdin=display('one', 'GAMMA'))
check('... and again', read('GAMMA'))
slapd('change', stdin='dn: uid=future,ou=people,dc=example,dc=org\nchangetype: delete\n')
check('it goes: changes are enough again', (admin('directory sync', limit=60, directory='people')['exit'], row().get('kept_by')), (0, 'changes'))
service.stop()
slapd('stop')
done()
