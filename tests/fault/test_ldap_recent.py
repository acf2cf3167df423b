"""What a checker has just said of a user in a replica stands, and no longer than the replica: the next login asks nobody, the one after a change knows of it."""
import os
import signal

from ldap_bed import *

BOTH = one_directory(more='user_base = ou=people\nshrink_guard = 100').replace('directories = people', 'directories = people, below') + """[application/host/below]
allow_all = yes
[directory/below]
type = internal
"""


def owner(name):
    shown = admin('user show', user=name)
    return shown['object'].get('owner') if shown['exit'] == 0 else None


def conflict():
    return admin('user show', user='twice')['object'].get('error', {}).get('reason') == 'id-conflict'


def stop_checkers(how):
    for checker in children(service.pid, 'checker'):
        os.kill(checker, how)


make_ldap()
slapd('change', stdin=person('twice').rstrip() + '\nuserPassword: above\n\n')
configure(BOTH)
service = started()
check('watched', wait_for(lambda: row().get('kept_by') == 'watch' and has('twice'), 15, 0.1))
must('user add', directory='below', user='twice', password='here')
check('L1 the first directory that has the user', owner('twice'), 'people')
check('its password', [reason('twice', 'above'), reason('twice', 'here')], ['ok', 'wrong-password'])

stop_checkers(signal.SIGSTOP)
check('L6 the second time no checker is asked', reason('twice', 'above', limit=5), 'ok')
stop_checkers(signal.SIGCONT)

slapd('change', stdin='dn: uid=twice,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: userPassword\nuserPassword: newer\n\n')
check('L2 the server knows the password, whatever stands here', [reason('twice', 'above'), reason('twice', 'newer')], ['wrong-password', 'ok'])

slapd('change', stdin=gone('twice'))
check('I5 gone above, withheld below', wait_for(conflict, 5, 0.02))
told = admin('explain login', user='twice', service='login', password='here')['object']
check('L1 ... and at once another directory is the first that has the user', (told['reason'], told['owner']), ('id-conflict', 'below'))
must('accept', name='twice')
check('I5 accepted', (owner('twice'), reason('twice', 'here'), reason('twice', 'newer')), ('below', 'ok', 'wrong-password'))

slapd('change', stdin=person('twice').rstrip() + '\nuserPassword: above\n\n')
check('I5 back above, and withheld', wait_for(conflict, 5, 0.02))
must('accept', name='twice')
check('L1 above again', [reason('twice', 'above'), reason('twice', 'here')], ['ok', 'wrong-password'])

os.kill(service.keeper(), signal.SIGKILL)
check('the keeper died: whatever it did last counts', wait_for(lambda: reason('twice', 'above') == 'ok', 10, 0.1))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
