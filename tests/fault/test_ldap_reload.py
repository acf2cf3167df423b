"""Directories with a server of their own, whose settings change while they are read; and one entry that is of no use."""
import os
import pathlib
import socket
import subprocess
import threading
import time

from bed import *

SERVERS = pathlib.Path(__file__).resolve().parent.parent / 'servers'
DIR, PORT, SPORT, SILENT = TOP / 'slapd', 3890, 6360, 3891


def slapd(what, *arguments):
    subprocess.run([SERVERS / 'slapd.sh', what, DIR, *map(str, arguments)], check=True, text=True, capture_output=True, timeout=60)


def settings(port, more=''):
    configure(f"""[directory/people]
type = ldap
preset = openldap
uri = ldap://127.0.0.1:{port}
insecure_plaintext = yes
base = dc=example,dc=org
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/reader
user_name = uid
{more}
[application/host]
directories = people
[application/host/people]
allow_all = yes
""")


def row():
    # Just after the start the keeper has said nothing yet.
    return next(iter(admin('status')['object']['directories']), {'state': None})


make()
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
pathlib.Path('/etc/multidir/reader').write_text('reader-pw\n')
os.chmod('/etc/multidir/reader', 0o600)
slapd('start', PORT, SPORT)
listener = socket.create_server(('127.0.0.1', SILENT), backlog=64)

# a first synchronisation that hangs at the wrong server
settings(SILENT)
service = Service()
check('it hangs', wait_for(lambda: RUN.joinpath('admin.sock').exists() and row()['state'], 5, 0.1), 'syncing')
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

# entries without what is configured as the immutable id: the others' logins are not held up by them
settings(PORT, 'external_id = mail')
check('only one of them has it', (admin('reload')['exit'], admin('directory sync', directory='people')['exit']), (0, 6))
check('one who has none cannot log in', reason('bob', 'bob-pw'), 'unavailable')
workers = service.workers('people')
check('... which costs no worker', (reason('bob', 'bob-pw'), len(workers), service.workers('people') == workers), ('unavailable', 1, True))
check('... and is no outage', 'its server' in service.text(), False)
service.stop()
slapd('stop')
done()
