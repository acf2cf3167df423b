"""L4 after a reload whose view cannot come: a full disk, a keeper that does not answer, a store that cannot be read, a rollback, a start.

The gates in force are asked of the keeper then, and of the view only where it was built with the same ones."""
import os
import pathlib
import signal
import subprocess
import time

from bed import *

OPEN, CREW = 'allow_all = yes', 'allow_groups = crew'


def gate(words, more='', deadline='3s'):
    configure(f"""[service]
login_deadline = {deadline}
[directory/d1]
type = internal
{more}
[application/host]
directories = d1
[application/host/d1]
{words}
""")


def put_in_force():
    """By signal, which waits for no view."""
    seen = service.text().count('the configuration is reloaded')
    os.kill(service.pid, signal.SIGHUP)
    wait_for(lambda: service.text().count('the configuration is reloaded') > seen, 5)


def logins():
    """Of anna, who is in nobody's group, and bert of the crew."""
    return reason('anna', 'one'), reason('bert', 'two')


def fill():
    used = int(subprocess.run(['du', '-sk', STATE], capture_output=True, text=True, check=True).stdout.split()[0])
    subprocess.run(['mount', '-o', f'remount,size={used * 1024 + 4096}', STATE], check=True)
    with open(STATE / 'filler', 'wb', buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def empty():
    (STATE / 'filler').unlink()
    subprocess.run(['mount', '-o', 'remount,size=256m', STATE], check=True)


make()
gate(OPEN)
service = started()
for name, password in (('anna', 'one'), ('bert', 'two')):
    must('user add', user=name, password=password)
must('group add', group='crew')
must('member add', group='crew', names=['bert'])
check('everybody is let in', logins(), ('ok', 'ok'))
opened = generation()

# the keeper does not answer
freeze(service.keeper())
check('a view of the configuration in force needs no keeper', logins(), ('ok', 'ok'))
gate(OPEN, more='min_id = 2000')
put_in_force()
check('... nor does a reload that leaves the gates as they are', logins(), ('ok', 'ok'))
gate(CREW)
put_in_force()
began = time.monotonic()
check('L4 a gate that the view does not have, and nobody to ask', reason('anna', 'one'), 'unavailable')
check('... which takes no longer than a login may', time.monotonic() - began, lambda t: t < 3.5)
os.kill(service.keeper(), signal.SIGCONT)
check('... is asked when the keeper is back', wait_for(lambda: logins() == ('wrong-password', 'ok'), 5, 0.1))
check('... and then of the view', wait_for(lambda: generation() != opened, 5))
service.stop()
service = started()

# the disk is full
gate(OPEN)
must('reload')
opened = generation()
fill()
gate(CREW)
reply = admin('reload')
check('a reload that cannot publish says so', (reply['exit'], generation()), (6, opened))
began = time.monotonic()
check('L4 the gate in force, not the one of the view', logins(), ('wrong-password', 'ok'))
check('... at once', time.monotonic() - began, lambda t: t < 2)
check('... and the log has the true reason', 'deny user="anna" reason=no-access rule=L4' in service.text())
gate(OPEN)
admin('reload')
check('L4 opened again', logins(), ('ok', 'ok'))
gate('allow_groups = nobody')
service.stop()
service = Service()
check('a start with another configuration than the view\'s', wait_for(lambda: (RUN / 'admin.sock').exists() and 'ready' in service.text(), 10))
check('L4 of that one, too', logins(), ('wrong-password', 'wrong-password'))
empty()
check('then the view has it', wait_for(lambda: generation() != opened and logins() == ('wrong-password', 'wrong-password'), 10, 0.1))

gate(OPEN)
must('reload')
check('everybody again', logins(), ('ok', 'ok'))
kept = generation()

# a rollback
gate(CREW)
must('reload')
crew = generation()
must('member add', group='crew', names=['anna'])
check('L4 a new member', logins(), ('ok', 'ok'))
must('view rollback', generation=crew)
check('a rollback to a view of the gates in force decides by what it shows', logins(), ('wrong-password', 'ok'))
must('view rollback', generation=kept)
gate('allow_groups = crew, others')
admin('reload')
check('L4 a rollback to a view of other gates: those in force, and the groups of now', logins(), ('ok', 'ok'))
gate('allow_groups = others')
admin('reload')
check('... which need not let in whom the view did', logins(), ('wrong-password', 'wrong-password'))
service.stop()
done()
