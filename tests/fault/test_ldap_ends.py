"""Accounts that end at a time (L3): whoever has ended is not active, whether the end is told, passes while the directory is watched, or passes between two
looks of a directory that is asked. loginExpirationTime stands for all such attributes: those of slapd's own schema count days."""
import os
import time

from ldap_bed import *

SCHEMA = """dn: cn=schema,cn=config
changetype: modify
add: olcAttributeTypes
olcAttributeTypes: ( 1.3.6.1.4.1.24552.500.9.1 NAME 'loginExpirationTime' EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
-
add: olcObjectClasses
olcObjectClasses: ( 1.3.6.1.4.1.24552.500.9.2 NAME 'expiringAccount' SUP top AUXILIARY MAY loginExpirationTime )
"""


def at(seconds):
    return time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + seconds))


def ending(name, seconds):
    return person(name).replace('sn: x\n', f'sn: x\nobjectClass: expiringAccount\nloginExpirationTime: {at(seconds)}\n')


def ends(name, seconds):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: modify\nreplace: loginExpirationTime\nloginExpirationTime: {at(seconds)}\n\n'


def active(name):
    return (admin('user show', user=name)['object'] or {}).get('active')


def becomes(name, wanted, limit):
    return wait_for(lambda: active(name) is wanted, limit, 0.1)


def kept(word, limit=10):
    return wait_for(lambda: row().get('kept_by') == word, limit, 0.1)


def verdict(name):
    return admin('explain login', user=name, service='sshd')['object'].get('verdict')


make_ldap()
slapd('config', stdin=SCHEMA)
slapd('change', stdin=ending('early', -60))
configure(one_directory())
service = started()
check('it is watched', kept('watch'))
check('L3: one that had ended before the first look is not active', active('early'), False)
time.sleep(1.5)  # the watch's own clock is another one now
slapd('change', stdin=ending('told', -1) + ending('soon', 6) + ending('longer', 7) + ending('later', 3600))
check('L3: an end that has passed when it is told', becomes('told', False, 4) and verdict('told'), 'deny')
check('L3: one that is to come is no end yet', (becomes('soon', True, 4), active('longer'), active('later')), (True, True, True))
slapd('change', stdin=ends('longer', 3600))
check('L3: an end that passes while the directory is watched', becomes('soon', False, 12) and verdict('soon'), 'deny')
check('... it is watched again', kept('watch'))
time.sleep(3)
check('... whose end was put off is active', (active('longer'), active('later')), (True, True))
slapd('change', stdin=person('nina'))
check('... and changes come', shown('nina'))
many = [f'end{number}' for number in range(6)]
slapd('change', stdin=''.join(ending(name, 4 + 3 * number) for number, name in enumerate(many)))
check('L3: one end shortly after the other', becomes(many[3], False, 30))
slapd('change', stdin=gone('nina') + person('nils'))
check('... changes come all the same', (hidden('nina', 3), shown('nils', limit=3)), (True, True))
check('L3: ... and the last end, too', becomes(many[-1], False, 25))

slapd('change', stdin=ends('longer', 5))
time.sleep(2)
service.stop()
time.sleep(5)
service = started()
check('L3: an end that passes while the service is not there', becomes('longer', False, 8))

slapd('change', stdin=ends('soon', 3600))
check('an end that is put off: active again', becomes('soon', True, 8))
service.stop()
slapd('wipe')

os.environ['SLAPD_NO_SYNCPROV'] = '1'
slapd('start', PORT, SPORT)
slapd('config', stdin=SCHEMA)
slapd('change', stdin=ending('first', 3600) + ending('waits', 12) + ending('later', 3600))
configure(one_directory(more='user_base = ou=people\nrefresh = 1h\nshrink_guard = 100'))  # it is another server's data
service = started()
check('it is asked what has changed', kept('changes') and wait_for(lambda: row().get('state') == 'ready', 10, 0.1))
check('... nobody has ended', (active('first'), active('waits'), active('later')), (True, True, True))
check('L3: an end that passes long before the next refresh', becomes('waits', False, 25) and verdict('waits'), 'deny')
check('... all others are as they were', (active('first'), active('later'), row().get('kept_by')), (True, True, 'changes'))
slapd('change', stdin=ends('first', 1))
time.sleep(3)
check('L3: an end that has passed when it is asked for', (admin('directory sync', limit=60, directory='people')['exit'], active('first')), (0, False))
slapd('change', stdin=ends('later', 2))
check('... that is to come when it is asked for', (admin('directory sync', limit=60, directory='people')['exit'], active('later')), (0, True))
time.sleep(3)
check('L3: ... and has passed when it is asked once more', (admin('directory sync', limit=60, directory='people')['exit'], active('later')), (0, False))

configure(one_directory(more='user_base = ou=people\nrefresh = 1h\nshrink_guard = 100\nuser_member_of = memberOf'))
admin('reload', limit=60)
check('everything is read each time', kept('full'))
slapd('change', stdin=ends('first', 8))
check('... an end that is to come', (admin('directory sync', limit=60, directory='people')['exit'], active('first')), (0, True))
check('L3: ... and passes long before the next refresh', becomes('first', False, 25) and verdict('first'), 'deny')
service.stop()
slapd('stop')
done()
