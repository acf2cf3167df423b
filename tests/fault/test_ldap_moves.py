"""What holds entries is moved: the server says nothing of each entry below it, and nothing at all of what is outside then. Nobody stays that is gone."""
import os
import time

from ldap_bed import *


def holder(dn):
    kind, name = dn.split(',')[0].split('=')
    return f'dn: {dn}\nchangetype: add\nobjectClass: {"organizationalUnit" if kind == "ou" else "domain"}\n{kind}: {name}\n\n'


def moved(dn, where):
    return f'dn: {dn}\nchangetype: modrdn\nnewrdn: {dn.split(",")[0]}\ndeleteoldrdn: 1\nnewsuperior: {where}\n\n'


def kept(how='watch', limit=30):
    return wait_for(lambda: row().get('kept_by') == how, limit, 0.1)


BASE = 'dc=example,dc=org'
WHERE, FORMER = 'ou=people,' + BASE, 'ou=former,' + BASE
LOOK = 25  # what holds entries is looked at every 20 s
make_ldap()
units = [f'{rdn},{WHERE}' for rdn in ('ou=one', 'ou=two', 'ou=three', 'dc=four', 'ou=five', 'ou=six')]
slapd('change', stdin=holder(FORMER) + ''.join(holder(dn) + person('in' + dn.split(',')[0].split('=')[1], dn) for dn in units))
configure(one_directory(WHERE, ''))
service = started()
check('it is watched', (kept(), shown('inone', 'intwo', 'inthree', 'infour', 'infive', 'insix')), (True, True))

time.sleep(1.1) # of another second than the others: one of the same could be one of them
slapd('change', stdin=holder('ou=fresh,' + WHERE) + person('infresh', 'ou=fresh,' + WHERE))
check('a new unit: what is in it comes', shown('infresh', limit=LOOK))
time.sleep(LOOK)
check('... and nothing else is read for it', (row()['full_age'], row().get('kept_by')), lambda got: got[0] >= LOOK and got[1] == 'watch')
slapd('change', stdin=moved(units[0], FORMER))
check('a unit leaves the base: so does who is in it', hidden('inone', LOOK))
check('... watched again', kept())
service.stop()
slapd('change', stdin=moved(units[1], FORMER) + person('later', WHERE))
service = Service()
check('... while nobody watches', service.wait_ready() and hidden('intwo', 20) and shown('later', limit=20))
slapd('change', stdin=moved(FORMER, WHERE))
check('units come into the base: so does who is in them', shown('inone', 'intwo', limit=LOOK))
slapd('change', stdin=moved('ou=former,' + WHERE, BASE))
check('... and go again', hidden('inone', LOOK) and hidden('intwo', 1))

service.stop()
slapd('stop')
(TOP / 'extra').write_text('syncprov-sessionlog 1000\n')
os.environ['SLAPD_EXTRA'] = str(TOP / 'extra')
slapd('start', PORT, SPORT)
service = Service()
check('a server that remembers what has gone: watched', service.wait_ready() and kept())
slapd('change', stdin=person('brief', WHERE) + f'dn: uid=brief,{WHERE}\nchangetype: delete\n\n')
time.sleep(1)
service.stop()
slapd('change', stdin=moved(units[2], FORMER) + person('latest', WHERE))
service = Service()
check('... a unit leaves the base while nobody watches', service.wait_ready() and hidden('inthree', 20) and shown('latest', limit=20))

configure(one_directory(BASE))
admin('reload')
check('user_base below base', kept() and shown('infour'))
slapd('change', stdin=moved(units[3], FORMER))
check('... a dc leaves user_base, not base', hidden('infour', LOOK))
service.stop()
slapd('stop')

os.environ['SLAPD_NO_SYNCPROV'] = '1'
del os.environ['SLAPD_EXTRA']
slapd('start', PORT, SPORT)
service = Service()
check('a server that is asked what has changed', (service.wait_ready(), admin('directory sync', limit=60, directory='people', full=True)['exit'], kept('changes')), (True, 0, True))
time.sleep(3)
check('... nothing', (admin('directory sync', limit=60, directory='people')['exit'], row()['full_age'] > 2), (0, True))
slapd('change', stdin=moved(units[4], units[5]))
check('... a unit is moved: everything is read', (admin('directory sync', limit=60, directory='people')['exit'], row()['full_age'] < 2, has('infive')), (0, True, True))
slapd('change', stdin=moved(units[5], FORMER))
check('... and leaves', (admin('directory sync', limit=60, directory='people')['exit'], hidden('infive', 2), hidden('insix', 1)), (0, True, True))
service.stop()
slapd('stop')
done()
