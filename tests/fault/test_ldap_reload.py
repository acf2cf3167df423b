"""Directories with a server of their own, whose settings change while they are read; and one entry that is of no use."""
import pathlib
import re
import socket
import threading
import time

from ldap_bed import *

SILENT = 3891


def settings(port, more=''):
    configure(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{port}') + more +
              '\n[application/host]\ndirectories = people\n[application/host/people]\nallow_all = yes\n')


def set_secret(text):
    SECRET.write_text(text)
    SECRET.chmod(0o600)


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

# ids are to come from the entries, and hardly anybody has one
settings(PORT, 'ids = attribute')
check('I1: users without an id', (admin('reload')['exit'], wait_for(lambda: row()['state'] == 'ready' and remarks(), 8, 0.1)),
      lambda got: got[0] == 0 and len(got[1]) == 1 and re.fullmatch(r'directory people: (\d+) of its \1 users are not published, because they have no id '
                                                                   r'\(ids = attribute, user_uid = uidNumber\)', got[1][0]))
slapd('change', stdin=person('numbered').replace('inetOrgPerson\n', 'inetOrgPerson\nobjectClass: posixAccount\nuidNumber: 5005\ngidNumber: 5005\nhomeDirectory: /x\n'))
check('... one of them has one', wait_for(lambda: re.search(r': (\d+) of its (\d+) ', remarks()[0]), 5, 0.1), lambda found: shown('numbered', limit=5) and
      (last := re.search(r': (\d+) of its (\d+) ', remarks()[0])) and int(last[1]) + 1 == int(last[2]))
slapd('change', stdin=gone('numbered'))

# entries without what is configured as the immutable id: the others' logins are not held up by them
settings(PORT, 'external_id = mail')
check('only one of them has it', (admin('reload')['exit'], admin('directory sync', directory='people')['exit']), (0, 6))
check('one who has none cannot log in', reason('bob', 'bob-pw'), 'unavailable')
workers = service.workers('people')
check('... which costs no worker', (reason('bob', 'bob-pw'), len(workers), service.workers('people') == workers), ('unavailable', 1, True))
check('... and is no outage', 'its server' in service.text(), False)

# a password of bind_dn that is not to be read: the file and what is wrong with it, where it is asked for, and in the log
def of_the_secret(service):
    answer = admin('directory test', directory='people')
    return answer['exit'], answer['object']['steps'][-1]['text'], service.text().count('multidir-worker') + service.text().count('No data available')


settings(PORT)
admin('reload')
SECRET = pathlib.Path('/etc/multidir/reader')
for name, change, problem in (('empty', lambda: set_secret(''), 'it is empty'), ('two lines', lambda: set_secret('a\nb\n'), 'it must hold one line, without a NUL byte'),
                              ('gone', SECRET.unlink, 'No such file or directory')):
    change()
    kill_workers(service)
    check(f'bind_password_file, {name}: directory test', wait_for(lambda: (got := of_the_secret(service))[1].endswith(problem) and got, 5, 0.2), (6, f'{SECRET}: {problem}', 0))
    check('... and the log', f'directory people: cannot start a worker: {SECRET}: {problem}' in service.text())
    check('... and directory sync', admin('directory sync', directory='people')['object']['directories'][0]['error'], f'{SECRET}: {problem}')
set_reader_password('reader-pw')
check('... mended', wait_for(lambda: admin('directory test', directory='people')['exit'] == 0, 5, 0.2) and admin('directory sync', directory='people')['exit'], 0)

# another type under the same name: the reload says what is wrong, and what to do
configure(one_directory().replace('type = ldap', 'type = delegated'))
answer = admin('reload')
check('another type: the reload says so', (answer['exit'], answer['object']['error']['text']),
      lambda got: got[0] == 6 and f'{STATE}/stores/people.db is the store of a directory of another type: give this one another name' in got[1] and 'the last good view stays' in got[1])
check('... as status does', row()['error'], lambda text: text.endswith('move the file away and reload'))
check('... and who was shown is', has('alice'))
STATE.joinpath('stores/people.db').rename(STATE / 'people.db')
check('... the file moved away: it begins anew', (admin('reload')['exit'], row()['state'], row()['users']), (0, 'ready', 0))

# another type and a narrower gate in one reload: the keeper does not take the store of the former type
def mover(kind, gate):
    configure(PEOPLE.format(name='movers', uri=f'ldap://127.0.0.1:{PORT}').replace('type = ldap', f'type = {kind}') +
              f'\n[application/host]\ndirectories = movers\n[application/host/movers]\n{gate}\n')


NORA = 'dn: uid=nora,ou=people,dc=example,dc=org\nchangetype: modify\n'
slapd('change', stdin=person('nora') + NORA + 'add: userPassword\nuserPassword: nora-pw\n\n' + NORA + 'replace: pwdReset\n')  # the policy would have it changed
mover('delegated\ncreate_on_login = yes', 'allow_all = yes')
check('a delegated directory', (admin('reload')['exit'], reason('nora', 'nora-pw'), reason('nora', 'nora-pw')), (0, 'ok', 'ok'))
mover('ldap', 'allow_groups = nobody')
said = len(service.text())
check('... of another type: its store is refused', (admin('reload')['exit'], wait_for(lambda: row('movers')['state'] == 'failed', 5, 0.1)), (6, True))
check('L4 the view that stays lets nobody in by its own gate', [reason('nora', 'nora-pw') for _ in range(3)], ['unavailable'] * 3)
check('... and the checkers say why, and live', ('directory movers cannot be opened' in service.text()[said:], 'ended with signal' in service.text()[said:]), (True, False))
service.stop()
slapd('stop')
done()
