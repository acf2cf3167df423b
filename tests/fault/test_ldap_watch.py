"""A directory that is watched: what becomes of changes when the watching worker, the keeper, the server or the service itself dies, hangs, or comes back
as another one in between. Nothing is lost, and nothing stays that is gone."""
import os
import pathlib
import signal
import time

from ldap_bed import *


def watched(limit=10):
    return wait_for(lambda: row().get('kept_by') == 'watch' and len(service.workers('people')) == 1, limit, 0.1)


make_ldap()
configure(one_directory())
service = started()
check('it is watched', watched())
slapd('change', stdin=person('one'))
check('a change is shown', shown('one'))

kill_workers(service)
slapd('change', stdin=person('two') + gone('one'))
check('the watching worker is killed: what changed meanwhile comes', (shown('two', limit=5), hidden('one', limit=5)), (True, True))
check('... it is watched again', watched() and row()['state'], 'ready')
slapd('change', stdin=person('three'))
check('... and changes come', shown('three'))

for _ in range(5):
    slapd('change', stdin=person(f'storm{_}'))
    kill_workers(service)
check('killed again and again while it brings changes: all are there', shown(*[f'storm{i}' for i in range(5)], limit=40))
check('... and it is watched', watched(30))

keeper = service.keeper()
freeze(keeper)
slapd('change', stdin=person('late'))
time.sleep(0.6)  # it has been told, and nobody has taken it in
kill_workers(service)
time.sleep(0.3)
os.kill(keeper, signal.SIGCONT)
check('killed between its word and the keeper\'s: what it had told comes', shown('late', limit=10))
slapd('change', stdin=person('later'))
check('... and what changes after that', (shown('later', limit=20), watched()), (True, True))

os.kill(service.keeper(), signal.SIGKILL)
slapd('change', stdin=person('four') + gone('storm0'))
check('the keeper is killed: what changed meanwhile comes', (shown('four', limit=10), hidden('storm0', limit=10), watched()), (True, True, True))

slapd('stop')
check('the server is stopped: said so', wait_for(lambda: row()['state'] == 'failed', 10, 0.1) and has('two', 'three'))
slapd('start', PORT, SPORT)
slapd('change', stdin=person('five') + gone('two'))
check('... and back: what changed comes', (shown('five', limit=10), hidden('two', limit=10), watched()), (True, True, True))

pid = int((DIR / 'slapd.pid').read_text())
os.kill(pid, signal.SIGKILL)
wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists() or 'Z' in pathlib.Path(f'/proc/{pid}/stat').read_text().split()[2], 5)
(DIR / 'slapd.pid').unlink(missing_ok=True)
slapd('start', PORT, SPORT)
slapd('change', stdin=person('six'))
check('the server is killed and started: changes come', shown('six', limit=10))
check('... watched', watched())

service.stop()
slapd('change', stdin=person('seven') + gone('three'))
service = Service()
check('the service was stopped: it goes on from where it was', service.wait_ready() and shown('seven', limit=5) and hidden('three', limit=5))
check('... not by reading everything', row()['full_age'], lambda age: age is not None and age > 5)

slapd('change', stdin='dn: ou=guests,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: ou=visitors\ndeleteoldrdn: 1\n')
check('directory sync: from where it was', admin('directory sync', directory='people')['exit'], 0)
check('... what holds entries was renamed: everything is read', row()['full_age'], lambda age: age < 5)
time.sleep(3)
check('directory sync does not read everything', (admin('directory sync', directory='people')['exit'], row()['full_age'] > 2), (0, True))
check('directory sync --full does', (admin('directory sync', directory='people', full=True)['exit'], row()['full_age'] < 2), (0, True))

# too much goes at once
before = VIEW.read_bytes()
slapd('change', stdin=''.join(gone(name) for name in ('alice', 'bob', 'dave', 'erin', 'frank', 'gina', 'lou')))
check('the shrink guard holds for deltas', wait_for(lambda: 'shrink_guard' in (row()['error'] or ''), 10, 0.1) and has('alice', 'bob'))
check('... and the view stays', VIEW.read_bytes() == before)
configure(one_directory(more='user_base = ou=people\nshrink_guard = 100'))
admin('reload')
check('... let pass', hidden('alice', limit=15))
check('... and watched again', watched(30))

configure(one_directory(more='user_base = ou=people\nshrink_guard = 100\nuser_filter = (&(objectClass=inetOrgPerson)(uid=s*))'))
admin('reload')
check('other settings: everything is read by them', (hidden('four', limit=10), has('six')), (True, True))
configure(one_directory(more='user_base = ou=people\nshrink_guard = 100'))
admin('reload')
check('... and by the former ones again', shown('four', limit=10))

configure(one_directory(more='user_base = ou=nobody\nshrink_guard = 100'))
admin('reload')
reply, words = admin('directory sync', directory='people'), ('users below "ou=nobody,dc=example,dc=org"', 'that DN (user_base, base) is not there')
check('D5: a base that is not there: directory sync says which, and where it comes from',
      (reply['exit'], [one in (reply['object']['directories'][0]['error'] or '') for one in words]), (6, [True, True]))
check('... so do status and the log', [one in text for one in words for text in (row()['error'] or '', service.text())], [True] * 4)
check('... and everybody stays', has('four', 'six'))
configure(one_directory(more='user_base = ou=people\nshrink_guard = 100'))
admin('reload')
check('... until it is right again', wait_for(lambda: row()['state'] == 'ready' and watched(1), 20, 0.1))

# another server under the same address: its entries are others
slapd('wipe')
slapd('start', PORT, SPORT)
check('a server that was filled anew: nothing of the old one stays', (hidden('six', limit=20), shown('alice', limit=20)), (True, True))

pid = int((DIR / 'slapd.pid').read_text())
check('watched', watched(20))
freeze(pid)
check('a server that says nothing: known within a minute', wait_for(lambda: row()['state'] == 'failed', 60, 0.5))
os.kill(pid, signal.SIGCONT)
slapd('change', stdin=person('eight'))
check('... and back', (shown('eight', limit=15), watched(15)), (True, True))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
