"""D5: a store that is there and cannot be read: the last good view stays, changes are made and not published, until it is whole again or its
directory is switched off. A lost id registry is spoken of (I2)."""
import json
import time

from bed import *

make()
configure()
service = started()
people()
before = generation()
check('a clean end', service.stop(), 0)

STORE = STATE / 'stores' / 'd1.db'
whole = STORE.read_bytes()


def damage():
    for end in ('-wal', '-shm'):
        STORE.with_name(STORE.name + end).unlink(missing_ok=True)
    STORE.write_bytes(b'garbage' * 1000)


def held():
    """(state of d1, whether an error is with it, whether a warning says that the view stays)."""
    shown = admin('status')['object']
    d1 = next((row for row in shown['directories'] if row['name'] == 'd1'), {'state': None, 'error': None})
    return d1['state'], bool(d1['error']), any('the last good view stays' in text for text in shown['warnings'])


damage()
service = Service()
check('the service starts', wait_for(lambda: 'ready' in service.text()))
check('D5 status says what is wrong', wait_for(lambda: held() == ('failed', True, True)))
check('D5 the last good view stays', generation(), before)
check('... with everybody in it', [name in VIEW.read_bytes() for name in (b'anna\0', b'bert\0', b'carl\0')], [True, True, True])
check('... and the log says it', 'the last good view stays' in service.text())
check('L5 a login that needs it is denied as unavailable', [reason('anna', 'one') for _ in range(3)], ['unavailable'] * 3)
check('... by a checker that says why, and lives', ('directory d1 cannot be opened' in service.text(), 'ended with signal' in service.text()), (True, False))
reply = admin('user add', directory='d2', user='dora')
check('U12 a change elsewhere is made, but not published', (reply['exit'], 'made, but not published' in json.dumps(reply['object'])), (6, True))
check('... and is in no view', (generation(), b'dora\0' in VIEW.read_bytes()), (before, False))
os.kill(service.keeper(), signal.SIGKILL)
time.sleep(1)
check('... nor after the keeper\'s restart', (generation(), held()), (before, ('failed', True, True)))

# The administrator's two ways out.
configure(CONFIG.format(deadline='8s').replace('[directory/d2]', 'active = no\n[directory/d2]'))
check('active = no: publishing resumes', admin('reload')['exit'], 0)
check('... without that directory', (generation() != before, b'dora\0' in VIEW.read_bytes()), (True, True))
check('... and without a warning', (held()[0], held()[2]), ('off', False))
configure()
reply = admin('reload')
check('active = yes again: not published', (reply['exit'], held()[0]), (6, 'failed'))
STORE.write_bytes(whole)
os.chown(STORE, UID, GID)
check('a store that is whole again is published by itself', wait_for(lambda: held() == ('ready', False, False), 15))
check('a clean end', service.stop(), 0)

# The registry.
(STATE / 'stores' / 'ids.db').unlink()
service = started()
check('I2 a lost id registry: status warns', any('id registry' in text for text in admin('status')['object']['warnings']))
check('... and so does the log', 'ids.db is gone' in service.text())
check('a clean end', service.stop(), 0)

# No view: nothing to keep, and D6 holds.
VIEW.unlink()
subprocess.run(['rm', '-rf', str(STATE / 'views')], check=True)
damage()
service = Service()
check('D6 without a view one is published, with nobody of the lower directories',
      wait_for(lambda: generation() is not None and b'bert\0' not in VIEW.read_bytes()))
check('... and no registry was lost', any('id registry' in text for text in admin('status')['object']['warnings']), False)
check('a clean end', service.stop(), 0)
done()
