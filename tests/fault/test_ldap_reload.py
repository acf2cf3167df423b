"""Directories with a server of their own, whose settings change while they are read; and one entry that is of no use."""
import socket
import threading
import time

from ldap_bed import *

SILENT = 3891


def settings(port, more=''):
    configure(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{port}') + more +
              '\n[application/host]\ndirectories = people\n[application/host/people]\nallow_all = yes\n')


make_ldap()
listener = socket.create_server(('127.0.0.1', SILENT), backlog=64)

# a first synchronisation that hangs at the wrong server
settings(SILENT)
service = Service()
check('it hangs', wait_for(lambda: RUN.joinpath('admin.sock').exists() and (row() or {}).get('state') == 'syncing', 15, 0.1))
replies = []
asking = threading.Thread(target=lambda: replies.append(admin('directory sync', directory='people')))
asking.start()
time.sleep(0.3)
settings(PORT)
began = time.monotonic()
admin('reload')
check('the right server is read at once', wait_for(lambda: row()['state'] == 'ready', 8, 0.1) and time.monotonic() - began, lambda took: 0 < took < 8)
asking.join(10)
check('... who waits gets its result', replies and (replies[0]['exit'], replies[0]['object']['directories'][0]['error']), (0, None))
check('... no worker is left at the wrong one, but the one that watches the right one', wait_for(lambda: len(service.workers('people')) == 1, 8, 0.1))

# entries that are left out of what is complete: said in the status until they are gone
def remarks():
    return [text for text in admin('status')['object']['warnings'] if text.startswith('directory people: ')]


check('all entries are of use: no warning', remarks(), [])
slapd('change', stdin='dn: cn=Nameless,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Nameless\nsn: N\n')
check('an entry without a name: the others are read', admin('directory sync', directory='people')['exit'], 0)
check('... and a warning says which is left out', remarks(), lambda texts: len(texts) == 1 and 'left out' in texts[0] and 'cn=Nameless,ou=people,dc=example,dc=org' in texts[0])
check('... the directory is ready', (row()['state'], row()['error']), ('ready', None))
slapd('change', stdin='dn: cn=Nameless,ou=people,dc=example,dc=org\nchangetype: delete\n')
check('... it is gone, everything is read: no warning', (admin('directory sync', directory='people', full=True)['exit'], remarks()), (0, []))

# entries without what is configured as the immutable id: the others' logins are not held up by them
settings(PORT, 'external_id = mail')
check('only one of them has it', (admin('reload')['exit'], admin('directory sync', directory='people')['exit']), (0, 6))
check('one who has none cannot log in', reason('bob', 'bob-pw'), 'unavailable')
workers = service.workers('people')
check('... which costs no worker', (reason('bob', 'bob-pw'), len(workers), service.workers('people') == workers), ('unavailable', 1, True))
check('... and is no outage', 'its server' in service.text(), False)


# another type and a narrower gate in one reload: the keeper does not take the store of the former type
def mover(kind, gate):
    configure(PEOPLE.format(name='movers', uri=f'ldap://127.0.0.1:{PORT}').replace('type = ldap', f'type = {kind}') +
              f'\n[application/host]\ndirectories = movers\n[application/host/movers]\n{gate}\n')


NORA = 'dn: uid=nora,ou=people,dc=example,dc=org\nchangetype: modify\n'
slapd('change', stdin=person('nora') + NORA + 'add: userPassword\nuserPassword: nora-pw\n\n' + NORA + 'replace: pwdReset\n')  # the policy would have it changed
mover('delegated\ncreate_on_login = yes', 'allow_all = yes')
check('a delegated directory', (admin('reload')['exit'], reason('nora', 'nora-pw'), reason('nora', 'nora-pw')), (0, 'ok', 'ok'))
mover('ldap', 'allow_groups = nobody')
check('... of another type: its store is refused', (admin('reload')['exit'], wait_for(lambda: row('movers')['state'] == 'failed', 5, 0.1)), (6, True))
check('L4 the view that stays lets nobody in by its own gate', [reason('nora', 'nora-pw') for _ in range(3)], ['unavailable'] * 3)
check('... and the checkers say why, and live', ('directory movers cannot be opened' in service.text(), 'ended with signal' in service.text()), (True, False))
service.stop()
slapd('stop')
done()
