"""kill -9 of every process at every step of a change and of publishing: the old or the new view, complete; nothing acknowledged is lost."""
import os
import random
import signal
import subprocess
import threading
import time

from bed import *

STEPS = 14
make()
service = started()
people()


def view_names():
    """The users of the view, after the full check: a damaged view raises."""
    shown = subprocess.run([BUILD / 'tests' / 'fault' / 'fault_hook', 'verify', VIEW], capture_output=True, env={}, text=True)
    if shown.returncode != 0:
        raise RuntimeError(f'damaged: {shown.stdout}')
    data = VIEW.read_bytes()
    return {name for name in names if name.encode() + b'\0' in data}


class Adder(threading.Thread):
    """Adds users one after another, as fast as it goes; remembers what was acknowledged."""

    def __init__(self, prefix):
        super().__init__(daemon=True)
        self.prefix, self.acknowledged, self.tried, self.ending = prefix, [], [], False

    def run(self):
        number = 0
        while not self.ending:
            name = f'{self.prefix}{number}'
            number += 1
            self.tried.append(name)
            try:
                if admin('user add', directory='d1', user=name, password='x', limit=5)['exit'] == 0:
                    self.acknowledged.append(name)
            except (OSError, EOFError, AssertionError):
                time.sleep(0.01)


names = set()
rng = random.Random(7)


def rounds(title, victim, count, restart=False):
    """Kills victim() count times at random moments while users are added, then compares."""
    global service
    adder = Adder(title[0] + 'k')
    adder.start()
    killed = 0
    bad = []
    tries = 0
    while tries < count or (killed < count // 2 and tries < 5 * count):  # a short-lived victim is not caught at every try
        tries += 1
        time.sleep(rng.uniform(0.005, 0.15))
        pid = wait_for(victim, 3, 0.0005)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        try:
            header = VIEW.read_bytes()
            if len(header) < 256 or len(header) != struct.unpack_from('<Q', header, 24)[0]:
                bad.append('incomplete view')
        except OSError as error:
            bad.append(str(error))
        if restart:
            service.process.wait(5)
            service = Service()
            wait_for(lambda: (RUN / 'admin.sock').exists(), 5)
    adder.ending = True
    adder.join(40)
    check(f'{title}: it was killed', killed, lambda n: n >= count // 2)
    check(f'{title}: there was a complete view at every moment', bad, [])
    names.update(adder.tried)
    check(f'{title}: the service is whole again', bool(service.wait_ready(30) and wait_for(lambda: admin('user list', directory='d1')['exit'] == 0, 20)))
    listed = set(must('user list', directory='d1')['users'])
    check(f'{title}: nothing acknowledged is lost', sorted(set(adder.acknowledged) - listed), [])
    check(f'{title}: something was acknowledged', len(adder.acknowledged), lambda n: n > 0)
    check(f'{title}: the view has what the directory has', wait_for(lambda: view_names() == listed & names, 10))
    check(f'{title}: a login works', reason('anna', 'one'), 'ok')


def installer():
    return next((pid for pid in children(service.pid) if pid not in children(service.pid, '--role=')), None)


rounds('keeper', service.keeper, 12)
rounds('installer', installer, 25)
rounds('supervisor', lambda: service.pid, 12, restart=True)

# checkers: a login that is under way is answered, the next one works
def kill_checkers():
    for _ in range(40):
        for pid in service.checkers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


killer = threading.Thread(target=kill_checkers)
killer.start()
answers = [reason('anna', 'one') for _ in range(30)]
killer.join()
check('checkers: every login was answered', sorted(set(answers) - {'ok', 'unavailable'}), [])
check('checkers: then logins work', wait_for(lambda: reason('anna', 'one') == 'ok', 5))

service.stop()
done()
