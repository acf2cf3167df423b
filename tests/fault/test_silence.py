"""Commands while the keeper does not answer, and while it is started again: an answer within 30 seconds, and none that a restart makes needless."""
import os
import signal
import time

from bed import *

make()
configure()
service = started()
people()

# One that stops: told so, and when it goes on so do commands.
keeper = service.keeper()
freeze(keeper)
began = time.monotonic()
reply = admin('user add', directory='d1', user='late', limit=40)
check('a keeper that is silent: unavailable', (reply['exit'], reply['object']['error']['reason']), (6, 'unavailable'))
check('... within 30 s', time.monotonic() - began, lambda t: t < 30)
check('... logins go on', reason('anna', 'one'), 'ok')
check('... and it was not killed for that', service.keeper(), keeper)
os.kill(keeper, signal.SIGCONT)
check('it goes on: commands too', wait_for(lambda: admin('user show', user='anna')['exit'] == 0))
check('... and what was under way is done', wait_for(lambda: b'late\0' in VIEW.read_bytes()))

# One that is killed: commands that come before the next one is there wait for it.
answers = []
for i in range(3):
    keeper = wait_for(service.keeper)
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: ended(keeper)) # a command may still be handed to one that is dying: whether it was done is then not known
    answers.append(admin('user show', user='anna')['exit'])
check('a keeper that was killed: commands wait for the next', answers, [0, 0, 0])
check('a clean end', service.stop(), 0)
done()
