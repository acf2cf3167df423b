"""An Active Directory domain (Samba's) that is watched: a change is here within two seconds, who is deleted too where bind_dn sees what is deleted, and after
many changes the replica is what reading everything makes of it. What becomes of the watch when its worker is killed, or the controller is away.

Relies on: ldap_bed.py; tests/servers/samba.sh and what that needs.
"""
import contextlib
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time

from ldap_bed import *

AD, AD_PORT, AD_SPORT = TOP / 'ad', 6389, 6636
ROOT = 'DC=ad,DC=test'
PEOPLE, GROUPS, OUT = f'OU=people,{ROOT}', f'OU=groups,{ROOT}', f'OU=out,{ROOT}'
ADMIN_BIND = ['-x', '-H', f'ldaps://127.0.0.1:{AD_SPORT}', '-D', 'administrator@ad.test', '-w', 'Adm1n-Passw0rd']
SHOW_DELETED = '!1.2.840.113556.1.4.417'


def samba(*arguments):
    # Its output goes nowhere: the server that it leaves behind would hold a pipe open.
    subprocess.run([SERVERS / 'samba.sh', arguments[0], AD, *map(str, arguments[1:])], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=120)


def tool(name, *arguments, stdin=None):
    return subprocess.run([name, *ADMIN_BIND, *arguments], input=stdin, text=True, capture_output=True, timeout=60,
                          env=dict(os.environ, LDAPTLS_CACERT=str(AD / 'tls/ca.crt')))


def change(ldif):
    result = tool('ldapmodify', stdin=ldif)
    if result.returncode != 0:
        raise RuntimeError(f'{ldif}: {result.stderr}')


def user(name, where=PEOPLE, cn=None):
    return f'dn: CN={cn or name},{where}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\nuserAccountControl: 544\n\n'


def group(name, where=GROUPS):
    return f'dn: CN={name},{where}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n\n'


def unit(name, where):
    return f'dn: OU={name},{where}\nchangetype: add\nobjectClass: organizationalUnit\n\n'


def deleted(dn):
    return f'dn: {dn}\nchangetype: delete\n\n'


def modified(dn, what, name, value):
    return f'dn: {dn}\nchangetype: modify\n{what}: {name}\n{name}: {value}\n\n'


def moved(dn, where, rdn=None):
    return f'dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn or dn.split(",")[0]}\ndeleteoldrdn: 1\nnewsuperior: {where}\n\n'


def restore(name, dn):
    """As an administrator does: what is left of it, and with an empty recycle bin no memberships."""
    found = tool('ldapsearch', '-LLL', '-o', 'ldif-wrap=no', '-b', ROOT, '-E', SHOW_DELETED, f'(&(isDeleted=TRUE)(sAMAccountName={name}))', '1.1').stdout
    where = [line for line in found.splitlines() if line.startswith('dn:')][-1]
    result = tool('ldapmodify', '-e', SHOW_DELETED,
                  stdin=f'{where}\nchangetype: modify\ndelete: isDeleted\n-\nreplace: distinguishedName\ndistinguishedName: {dn}\n\n')
    if result.returncode != 0:
        raise RuntimeError(result.stderr)


def configuration(more=''):
    return f"""[directory/domain]
type = ldap
preset = samba-ad
uri = ldaps://127.0.0.1:{AD_SPORT}
tls_ca_file = {AD}/tls/ca.crt
base = {ROOT}
user_base = OU=people
group_base = OU=groups
bind_dn = reader@ad.test
bind_password_file = /etc/multidir/reader
shrink_guard = 100
{more}
[application/host]
directories = domain
[application/host/domain]
allow_all = yes
"""


def sync(**options):
    return admin('directory sync', limit=60, directory='domain', **options)['exit']


def watched(limit=15):
    return wait_for(lambda: row('domain').get('kept_by') == 'watch' and len(service.workers('domain')) == 1, limit, 0.1)


def is_active(name):
    return admin('user show', user=name)['object'].get('active')


def full_age():
    return row('domain')['full_age']


def replica():
    """Users, groups and memberships, by ids that stay."""
    with contextlib.closing(sqlite3.connect(f'file:{STATE}/stores/domain.db?mode=ro', uri=True)) as store:
        def rows(statement):
            return sorted(map(repr, store.execute(statement)))

        def columns(table):
            return ', '.join(name for _, name, *_ in store.execute(f'PRAGMA table_info({table})') if name != 'id')
        return {
            'users': rows(f'SELECT {columns("users")} FROM users'),
            'groups': rows(f'SELECT {columns("groups")} FROM groups'),
            'members': rows('SELECT g.entry_id, u.entry_id FROM members m JOIN groups g ON g.id = m.grp JOIN users u ON u.id = m.user'),
            'children': rows('SELECT p.entry_id, c.entry_id FROM children x JOIN groups p ON p.id = x.parent JOIN groups c ON c.id = x.child'),
        }


def differences(a, b):
    return {table: (sorted(set(a[table]) - set(b[table])), sorted(set(b[table]) - set(a[table]))) for table in a if a[table] != b[table]}


make()
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
set_reader_password('reader-pw-12345')
os.environ['SAMBA_STRONG_AUTH'] = 'no'  # for who stands between, later
samba('start', AD_PORT, AD_SPORT)
change(unit('out', ROOT))
configure(configuration())
service = started()
check('it is watched', watched())

# --- Who does not see what is deleted
change(user('one'))
check('somebody new', shown('one'))
change(group('crew') + modified(f'CN=crew,{GROUPS}', 'add', 'member', f'CN=one,{PEOPLE}'))
check('a new group', shown('crew'))
change(moved(f'CN=one,{PEOPLE}', OUT))
check('moved out of user_base', hidden('one'))
change(user('two'))
check('another one', shown('two'))
age = full_age()
change(deleted(f'CN=two,{PEOPLE}'))
check('deleted: not seen', hidden('two', 3), False)
check('... until the entries are listed', (sync(), hidden('two', 1)), (0, True))
check('... and not read', full_age() >= age)
check('watched again', watched())

# --- Who does
samba('reveal')
check('the account sees what is deleted', (sync(), watched()), (0, True))
change(user('three') + user('four') + modified(f'CN=crew,{GROUPS}', 'add', 'member', f'CN=four,{PEOPLE}'))
check('two new ones', shown('three', 'four'))
time.sleep(1)
change(deleted(f'CN=three,{PEOPLE}'))
check('deleted', hidden('three'))
change(deleted(f'CN=four,{PEOPLE}'))
check('a member is deleted, which no group tells', hidden('four'))
restore('three', f'CN=three,{PEOPLE}')
check('restored', shown('three', limit=8))
change(unit('team', PEOPLE) + user('five', f'OU=team,{PEOPLE}'))
check('a new unit with somebody in it', shown('five'))
time.sleep(2)
change(modified(f'OU=team,{PEOPLE}', 'add', 'description', 'x'))
time.sleep(1)
check('a unit is described: nothing is read anew', full_age() > 2)
change(moved(f'OU=team,{PEOPLE}', OUT))
check('a unit leaves user_base', hidden('five', 8))
change(moved(f'OU=team,{OUT}', PEOPLE, 'OU=crowd'))
check('... and comes back, renamed', shown('five', limit=8) and 'OU=crowd' in str(replica()['users']))
check('watched', watched())

change(modified(f'CN=three,{PEOPLE}', 'replace', 'accountExpires', int((time.time() + 4 + 11644473600) * 10**7)))
time.sleep(1)
check('L3: an account that is about to end is active', is_active('three'), True)
check('L3: ... and is not from then on, also if everything was read a moment ago', wait_for(lambda: is_active('three') is False, 45, 0.2))
check('... watched', watched(45))

# --- What becomes of the watch
for worker in service.workers('domain'):
    os.kill(worker, signal.SIGKILL)
change(deleted(f'CN=three,{PEOPLE}') + user('six'))
check('the watching worker is killed: what changed meanwhile comes', (shown('six', limit=5), hidden('three', limit=5), watched()), (True, True, True))
age = full_age()
service.stop()
change(deleted(f'CN=six,{PEOPLE}') + user('seven'))
service = Service()
check('the service was stopped: likewise', service.wait_ready() and shown('seven', limit=5) and hidden('six', limit=5))
check('... not by reading everything', full_age() >= age)
samba('stop')
check('the controller is stopped: said so', wait_for(lambda: row('domain')['state'] == 'failed', 15, 0.1) and has('seven'))
samba('start', AD_PORT, AD_SPORT)
change(deleted(f'CN=seven,{PEOPLE}'))
check('... and back', hidden('seven', limit=15) and watched())

check('... watched', watched())
pid = int((AD / 'samba.pid').read_text())
freeze(pid)
check('a controller that says nothing: known within a minute', wait_for(lambda: row('domain')['state'] == 'failed', 60, 0.5))
os.kill(pid, signal.SIGCONT)
change(user('eight'))
check('... and back', (shown('eight', limit=15), watched()), (True, True))

# --- After many changes, by the watch and by hand, the replica is what reading everything makes of it
SEED = int(os.environ.get('SEED', '7'))
ROUNDS = int(os.environ.get('ROUNDS', '10'))
rng = random.Random(SEED)
WHERE = [PEOPLE, f'OU=one,{PEOPLE}', OUT]
world = {}    # name -> its DN
crowds = {}   # groups likewise
buried = []
number = 0
change(unit('one', PEOPLE) + unit('far', OUT))


def new_name():
    global number
    number += 1
    return f'u{number}'


def step():
    """One change, as LDIF; and whether it makes reading everything necessary."""
    kinds = ['add'] * 4 + ['crowd'] * 2
    if world:
        kinds += ['delete', 'delete', 'move', 'move', 'rename', 'account', 'state', 'describe']
    if crowds and world:
        kinds += ['member'] * 4 + ['uncrowd']
    kind = rng.choice(kinds)
    if kind == 'add':
        name, where = new_name(), rng.choice(WHERE)
        world[name] = f'CN={name},{where}'
        return user(name, where)
    if kind == 'crowd':
        name = 'g' + new_name()
        crowds[name] = f'CN={name},{GROUPS}'
        return group(name)
    if kind == 'uncrowd':
        return deleted(crowds.pop(rng.choice(sorted(crowds))))
    if kind == 'member':
        return modified(rng.choice(sorted(crowds.values())), 'add', 'member', rng.choice(sorted(world.values()) + sorted(crowds.values())))
    name = rng.choice(sorted(world))
    dn = world[name]
    if kind == 'delete':
        buried.append(name)
        return deleted(world.pop(name))
    if kind == 'move':
        where = rng.choice(WHERE)
        world[name] = dn.split(',')[0] + ',' + where
        return moved(dn, where)
    if kind == 'rename':
        rdn = 'CN=' + new_name()
        world[name] = rdn + ',' + dn.split(',', 1)[1]
        return moved(dn, dn.split(',', 1)[1], rdn)
    if kind == 'account':
        other = new_name()
        world[other] = world.pop(name)
        return modified(dn, 'replace', 'sAMAccountName', other)
    return modified(dn, 'replace', 'userAccountControl', rng.choice(['544', '546'])) if kind == 'state' else modified(dn, 'replace', 'description', new_name())


same, exact, wrong = 0, 0, []
for turn in range(ROUNDS):
    began, told = time.monotonic(), []
    for _ in range(rng.randint(1, 5)):
        told.append(''.join(step() for _ in range(rng.randint(1, 4))))
        tool('ldapmodify', '-c', stdin=told[-1])  # some are refused: a member twice, a cycle
        time.sleep(rng.choice([0, 0, 0.3]))
    if turn % 6 == 3:
        inside, outside = f'OU=far,{OUT}', f'OU=far,{PEOPLE}'
        change(moved(inside, PEOPLE) + user(new_name(), outside) + moved(outside, OUT))
    if turn % 6 == 5 and buried:
        name = buried.pop()
        world[name] = f'CN={name},{PEOPLE}'
        restore(name, world[name])
    if turn % 2:
        sync()
    else:
        time.sleep(1.8)
        wait_for(lambda: row('domain')['state'] == 'ready', 45, 0.1)  # where everything had to be read, and again and again
    exact += full_age() >= int(time.monotonic() - began)
    deltas = replica()
    sync(full=True)
    everything = replica()
    same += deltas == everything
    if deltas != everything:
        wrong.append((turn, differences(deltas, everything)))
        print(f'# seed {SEED}, round {turn}: {differences(deltas, everything)} after', *told, sep='\n')
check(f'{ROUNDS} rounds of changes: deltas made what reading everything makes', (same, wrong), (ROUNDS, []))
check('... most of them without reading everything', exact, lambda count: count >= ROUNDS // 3)
check('... and there is something in it', len(everything['users']) > 5 and len(everything['members']) > 3, True)
# --- A server that does not notify after all
class Unwilling(Between):
    """Makes the notification control one that nobody knows."""

    def __init__(self, *arguments):
        self.refuses = True
        super().__init__(*arguments)

    def take(self, message, server, deaf):
        super().take(message.replace(b'1.2.840.113556.1.4.528', b'1.2.840.113556.1.4.599') if self.refuses else message, server, deaf)


between = Unwilling(6388, AD_PORT)
configure(configuration().replace(f'ldaps://127.0.0.1:{AD_SPORT}', 'ldap://127.0.0.1:6388\ninsecure_plaintext = yes'))
admin('reload')
check('refused: it is asked', wait_for(lambda: row('domain').get('kept_by') == 'changes', 15, 0.1))
change(user('asked') + deleted(world[sorted(world)[0]]))
check('... and answers', (sync(), has('asked'), has(sorted(world)[0])), (0, True, False))
between.refuses = False
check('not any more: watched', (sync(), watched()), (0, True))

# --- One of the deleted objects cannot be read in full: so others may not be seen at all
HIDING = 'D:P(A;;GA;;;DA)(A;;GA;;;SY)(OA;;RP;e48d0154-bcf8-11d1-8702-00c04fb96050;;AU)'
subprocess.run(['ldbadd', f'--configfile={AD}/smb.conf', '-H', AD / 'private/sam.ldb'], check=True, text=True, capture_output=True, timeout=60,
               input=f'dn: CN=shy,{OUT}\nobjectClass: user\nsAMAccountName: shy\nnTSecurityDescriptor: {HIDING}\n')
change(deleted(f'CN=shy,{OUT}') + user('nine'))
check('somebody new', (sync(), watched(), shown('nine')), (0, True, True))
change(deleted(f'CN=nine,{PEOPLE}'))
check('deleted: not seen any more', hidden('nine', 3), False)
check('... until the entries are listed', (sync(), hidden('nine', 1)), (0, True))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
samba('stop')
done()
