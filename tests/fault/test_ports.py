"""A port of this host is root's only as far as this host says so (net.ipv4.ip_unprivileged_port_start): where anybody may listen on 389, nobody there is
given a password in the clear.

Relies on: bed.py, ldap_bed.py; a network namespace of its own.
Must never: touch the host's sysctls, /etc, /run or /var/lib.
"""
import os
import pathlib
import re
import signal
import socket

from ldap_bed import *

FIRST = pathlib.Path('/proc/sys/net/ipv4/ip_unprivileged_port_start')
NOBODY = 65534
CLEAR = one_directory().replace(f':{PORT}', '').replace('insecure_plaintext = yes\n', '')


def listen(uid, seen):
    """Whoever connects to port 389 is listened to, by that user, and what is sent is kept."""
    ready, began = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        kept = open(seen, 'wb', buffering=0)
        os.setgid(uid)
        os.setuid(uid)
        listener = socket.create_server(('127.0.0.1', 389))
        os.write(began, b'x')
        while True:
            peer = listener.accept()[0]
            peer.settimeout(2)
            try:
                while data := peer.recv(4096):
                    kept.write(data)
            except OSError:
                pass
            peer.close()
    os.close(began)
    assert os.read(ready, 1) == b'x'
    os.close(ready)
    return pid


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def refused():
    """The configuration that is there: the service does not start; what it says."""
    service = Service()
    over = wait_for(lambda: service.process.poll() is not None, 3)
    service.stop()
    return service.text() if over else 'it runs'


def asked(want):
    """That the directory was tried, and failed with that in the log."""
    before = len(service.text())
    admin('directory sync', directory='people')
    return bool(re.search(want, service.text()[before:]))


make()
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
set_reader_password('reader-pw')
check('the kernel\'s own choice', FIRST.read_text(), '1024\n')

# as the configuration is read
for first, good in ((0, False), (389, False), (390, True), (1024, True), (4000, True)):
    FIRST.write_text(str(first))
    configure(CLEAR)
    if good:
        service = Service()
        check(f'anybody from {first} on: 389 is root\'s', wait_for(lambda: (RUN / 'admin.sock').exists() and 'ready' in service.text(), 10))
        service.stop()
    else:
        check(f'anybody from {first} on: 389 is anybody\'s', refused(), lambda text: f'on a port from {first} on (net.ipv4.ip_unprivileged_port_start)' in text)
        configure(CLEAR.replace('bind_dn', 'insecure_plaintext = yes\nbind_dn'))
        service = Service()
        check('... but where it is said', wait_for(lambda: (RUN / 'admin.sock').exists() and 'ready' in service.text(), 10))
        service.stop()
FIRST.write_text('4000')
configure(CLEAR.replace('127.0.0.1', '127.0.0.1:3999'))
check('a port above 1023 is anybody\'s, whatever the limit', refused(), lambda text: 'on a port from 1024 on' in text)

# as a password is sent
FIRST.write_text('1024')
roots, anybodys = TOP / 'roots', TOP / 'anybodys'
configure(CLEAR)
listener = listen(0, roots)
service = Service()
check('root listens: the password is sent', wait_for(lambda: b'reader-pw' in roots.read_bytes(), 10))
end(listener)
FIRST.write_text('0')
listener = listen(NOBODY, anybodys)
kill_workers(service)
check('anybody may listen by now: it is not', wait_for(lambda: asked('the connection is not encrypted: no password is sent'), 15, 0.5))
check('... whoever does gets nothing', b'reader-pw' in anybodys.read_bytes(), False)
end(listener)
service.stop()
done()
