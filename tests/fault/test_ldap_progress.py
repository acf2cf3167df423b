"""How far a synchronisation is, that somebody waits for or asks about: on a line to the server that is slow enough to be watched."""
import pty
import re

from ldap_bed import *

SLOW, MANY = 3891, 3000
CTL = BUILD / 'multidirctl' / 'multidirctl'


class Crawling(Between):
    """Hands the server's answers on bit by bit while it is told to."""
    pause = 0.05

    def downward(self, peer, server, deaf):
        with contextlib.suppress(OSError):
            while data := server.recv(8192):
                time.sleep(self.pause)
                peer.sendall(data)
            peer.shutdown(socket.SHUT_RDWR)


def on_terminal(*arguments):
    """What the command writes to a terminal's standard error, and its exit status."""
    master, terminal = pty.openpty()
    with subprocess.Popen([CTL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal) as process:
        os.close(terminal)
        written = b''
        with contextlib.suppress(OSError):
            while data := os.read(master, 4096):
                written += data
        os.close(master)
    return written.decode(), process.returncode


def is_under_way(least):
    try:
        its = row()
    except (OSError, KeyError):  # it has just been started
        return False
    return its is not None and its['state'] == 'syncing' and its.get('read', 0) >= least


def percents(written):
    return [int(one) for one in re.findall(r'(\d+)%', written)]


make_ldap()
slapd('stop')
slapd('wipe')
seed = (SERVERS / 'seeds' / 'people.ldif').read_text()
base, mark, online = seed.partition('# online')
more = ''.join(person(f'many{i}').replace('changetype: add\n', '') for i in range(MANY))
(TOP / 'seed.ldif').write_text(f'{base}\n{more}{mark}{online}')
slapd('start', PORT, SPORT, TOP / 'seed.ldif')
line = Crawling(SLOW)
configure(above_local(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{SLOW}')))
service = Service()

check('status says how many entries have come', wait_for(lambda: is_under_way(500), 20, 0.1))
written, status = on_terminal('directory', 'sync', 'people')
check('the first one: how many have come, and no bar', (status, re.findall(r'directory sync [\d,]+ entries', written) != [], percents(written)), (0, True, []))
check('it is here', (service.wait_ready(), 'read' in row()), (True, False))

written, status = on_terminal('directory', 'sync', 'people', '--full')
bars = percents(written)
check('another one has a bar', (status, len(bars) > 2 and bars == sorted(bars) and 0 < bars[0] < bars[-1] < 100), (0, True))
check('... which is taken away in the end', written.endswith('\r\033[K'))
written, status = on_terminal('directory', 'sync', '--full')
check('all directories together have one', (status, len(percents(written)) > 2), (0, True))
plain = subprocess.run([CTL, 'directory', 'sync', 'people', '--full', '--json'], capture_output=True, text=True, stdin=subprocess.DEVNULL)
check('without a terminal there is none', (plain.returncode, plain.stderr, plain.stdout.count('\n')), (0, '', 1))
line.pause = 0
service.stop()
slapd('stop')
done()
