"""A server that does not tell of changes, and is asked what has changed since: times that are none."""
import os
import pathlib
import subprocess

from bed import *

SERVERS = pathlib.Path(__file__).resolve().parent.parent / 'servers'
DIR, PORT, SPORT = TOP / 'slapd', 3890, 6360
PEOPLE = f"""[directory/people]
type = ldap
preset = openldap
uri = ldap://127.0.0.1:{PORT}
insecure_plaintext = yes
base = dc=example,dc=org
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/reader
user_name = uid
user_rdn = uid
user_base = ou=people
[application/host]
directories = people
[application/host/people]
allow_all = yes
"""


def slapd(what, *arguments, stdin=None):
    subprocess.run([SERVERS / 'slapd.sh', what, DIR, *map(str, arguments)], check=True, input=stdin, text=True, capture_output=True, timeout=60)


def row():
    return admin('status')['object']['directories'][0]


def person(name):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\n\n'


def has(*names):
    view = VIEW.read_bytes()
    return all(f'{name}\0'.encode() in view for name in names)


def shown(*names, limit=2):
    return wait_for(lambda: has(*names), limit, 0.02)


def display(name, text):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: modify\nreplace: displayName\ndisplayName: {text}\n\n'


def read(text):
    admin('directory sync', limit=60, directory='people')
    return wait_for(lambda: text.encode() in VIEW.read_bytes(), 3, 0.1)


make()
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
pathlib.Path('/etc/multidir/reader').write_text('reader-pw\n')
os.chmod('/etc/multidir/reader', 0o600)
os.environ['SLAPD_NO_SYNCPROV'] = '1'
slapd('start', PORT, SPORT)
slapd('change', stdin=person('one'))
configure(PEOPLE)
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
