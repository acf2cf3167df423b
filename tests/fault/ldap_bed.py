"""What the fault tests of directories with a server share: a real slapd, the settings of a directory of its people, servers that say nothing, and one
who stands between the service and its server.

Relies on: bed.py; tests/servers/slapd.sh.
Must never: be run by itself.
"""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from bed import *

SERVERS = pathlib.Path(__file__).resolve().parent.parent / 'servers'
DIR, PORT, SPORT = TOP / 'slapd', 3890, 6360
SECTION = """[directory/{name}]
type = ldap
preset = openldap
uri = {uri}
insecure_plaintext = yes
base = {base}
bind_dn = cn=reader,dc=example,dc=org
bind_password_file = /etc/multidir/reader
user_name = uid
user_rdn = uid
"""
PEOPLE = SECTION.replace('{base}', 'dc=example,dc=org') + """group_object_class = groupOfNames
group_filter = (objectClass=groupOfNames)
group_member = member
"""
BIND, SEARCH, EXTENDED = 0x60, 0x63, 0x77  # the requests' tags


def make_ldap():
    """The folders, the loopback, the reader's password, and slapd."""
    make()
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    set_reader_password('reader-pw')
    slapd('start', PORT, SPORT)


def set_reader_password(password):
    path = pathlib.Path('/etc/multidir/reader')
    path.write_text(password + '\n')
    path.chmod(0o600)


def slapd(what, *arguments, stdin=None, folder=DIR):
    subprocess.run([SERVERS / 'slapd.sh', what, folder, *map(str, arguments)], check=True, input=stdin, text=True, capture_output=True, timeout=60)


def slapd_pid():
    return int((DIR / 'slapd.pid').read_text())


def row(name='people'):
    return next((one for one in admin('status')['object']['directories'] if one['name'] == name), None)


def warning(name='people'):
    """That its server is known to be away; or an empty text."""
    return next((text for text in admin('status')['object']['warnings'] if text.startswith(f'directory {name}: its server has not answered since')), '')


def one_directory(base='dc=example,dc=org', more='user_base = ou=people'):
    """The configuration of one directory, whose users host publishes."""
    return SECTION.format(name='people', uri=f'ldap://127.0.0.1:{PORT}', base=base) + f"""{more}
[application/host]
directories = people
[application/host/people]
allow_all = yes
"""


def above_local(section, deadline='8s'):
    """The configuration of that section of people, and of an internal directory below it."""
    return f"""[service]
login_deadline = {deadline}
{section}[directory/local]
type = internal
[application/host]
directories = people, local
[application/host/people]
allow_all = yes
[application/host/local]
allow_all = yes
"""


def person(name, where='ou=people,dc=example,dc=org'):
    return f'dn: uid={name},{where}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\n\n'


def person_with_password(name):
    return person(name).rstrip('\n') + f'\nuserPassword: {name}-pw\n\n'


def group(name, *members, where='ou=groups,dc=example,dc=org'):
    """members: names of people, or DNs."""
    dns = [one if '=' in one else f'uid={one},ou=people,dc=example,dc=org' for one in members]
    return f'dn: cn={name},{where}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n' + ''.join(f'member: {dn}\n' for dn in dns) + '\n'


def group_members(name, directory='people'):
    """None: there is no such group."""
    answer = admin('group show', directory=directory, group=name)
    return sorted(answer['object']['members']) if answer['exit'] == 0 else None


def gone(name):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: delete\n\n'


def has(*names):
    view = VIEW.read_bytes()
    return all(f'{name}\0'.encode() in view for name in names)


def shown(*names, limit=2):
    return wait_for(lambda: has(*names), limit, 0.02)


def hidden(name, limit=2):
    return wait_for(lambda: not has(name), limit, 0.02)


def known_down(limit=8.0):
    return wait_for(warning, limit, 0.05)


def kill_workers(service):
    for worker in service.workers('people'):
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.kill(worker, signal.SIGKILL)


def timed(function, *arguments, **options):
    began = time.monotonic()
    return function(*arguments, **options), time.monotonic() - began


def at_the_same_time(*calls):
    """Begins them all; what they return, in a list that is whole once the threads given with it have ended."""
    answers = [None] * len(calls)

    def run(index, call):
        answers[index] = call()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for one in threads:
        one.start()
    return answers, threads


class Silent:
    """Takes connections, and answers nothing."""

    def __init__(self, port):
        self.listener = socket.create_server(('127.0.0.1', port), backlog=64)
        self.peers = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.peers.append(self.listener.accept()[0])

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.peers:
            peer.close()


class Between:
    """Listens on a port and hands on to slapd and back what is said, but for what it is told to keep: requests that never arrive (lost), or whose
    answer does not come back (unanswered): functions of a request's tag and bytes. It counts the binds as each DN."""

    def __init__(self, port, to=PORT, address='127.0.0.1'):
        self.to, self.lost, self.unanswered, self.binds = to, lambda tag, data: False, lambda tag, data: False, {}
        self.kept = threading.Semaphore(0)  # released for each that was kept
        self.listener = socket.create_server((address, port), backlog=64)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.begin(self.listener.accept()[0], self.to)

    def begin(self, peer, port):
        server = socket.create_connection(('127.0.0.1', port))
        deaf = threading.Event()
        threading.Thread(target=self.upward, args=(peer, server, deaf), daemon=True).start()
        threading.Thread(target=self.downward, args=(peer, server, deaf), daemon=True).start()

    @staticmethod
    def length_of(data):
        """Of the message that data begins with, all in all; 0 when that cannot be said yet."""
        if len(data) < 2 or len(data) < 2 + (data[1] & 127 if data[1] > 127 else 0):
            return 0
        return 2 + data[1] if data[1] < 128 else 2 + (data[1] & 127) + int.from_bytes(data[2:2 + (data[1] & 127)], 'big')

    @staticmethod
    def request_at(message):
        """Where the request itself begins, with its tag; before it is its number, from the second place named."""
        header = 2 + (message[1] & 127 if message[1] > 127 else 0)
        return header + 2 + message[header + 1], header

    @classmethod
    def bound_as(cls, message):
        """The DN of a bind."""
        at = cls.request_at(message)[0]
        body = message[at + 2 + (message[at + 1] & 127 if message[at + 1] > 127 else 0):]
        return body[5:5 + body[4]].decode(errors='replace')  # after the version

    def take(self, message, server, deaf):
        tag = message[self.request_at(message)[0]]
        if tag == BIND:
            name = self.bound_as(message)
            self.binds[name] = self.binds.get(name, 0) + 1
        if self.lost(tag, message):
            self.kept.release()
            return
        if self.unanswered(tag, message):
            deaf.set()
            self.kept.release()
        server.sendall(message)

    def upward(self, peer, server, deaf):
        data = b''
        with contextlib.suppress(OSError):
            while more := peer.recv(65536):
                data += more
                while (length := self.length_of(data)) and len(data) >= length:
                    message, data = data[:length], data[length:]
                    self.take(message, server, deaf)
            server.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def downward(peer, server, deaf):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not deaf.is_set():
                    peer.sendall(data)
            peer.shutdown(socket.SHUT_RDWR)
