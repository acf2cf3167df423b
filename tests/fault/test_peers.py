"""Bad input and wrong peers on both sockets: 10,000 random and malformed requests, peers that are not root, peers that say nothing."""
import os
import random
import socket
import time

from bed import *

make()
service = started()
people()
rng = random.Random(11)
resident = lambda pid: int(next(line for line in open(f'/proc/{pid}/status') if line.startswith('VmRSS')).split()[1])
descriptors = lambda: len(os.listdir(f'/proc/{service.pid}/fd'))
valid_auth = [frame(AUTHENTICATE, authenticate_payload('ghost', b'')), frame(SESSION, text('bert') + text('x') + text('')),
              frame(CHANGE_PASSWORD, text('ghost') + text('p') + text('') + b'\1\1' + text('') + text(''))]
valid_admin = [frame(ADMIN, json.dumps(value).encode()) for value in (
    {'command': 'status'}, {'command': 'explain login', 'user': 'bert'}, {'command': 'user show', 'user': 'bert'}, {'command': 'masked'},
    {'command': 'user list', 'directory': 'd1'}, {'command': 'view rollback', 'generation': 3})]


def random_bytes():
    return rng.randbytes(rng.randrange(0, 300))


def malformed(valid):
    kind = rng.randrange(7)
    base = bytearray(rng.choice(valid))
    if kind == 0:
        return random_bytes()
    if kind == 1:
        return frame(rng.randrange(256), random_bytes())
    if kind == 2:
        return bytes(base[:rng.randrange(len(base))])
    if kind == 3:
        for _ in range(rng.randrange(1, 4)):
            base[rng.randrange(len(base))] = rng.randrange(256)
        return bytes(base)
    if kind == 4:
        return b'MD' + struct.pack('<BBI', 1, rng.choice([1, 3, 5, 16]), rng.choice([0xffffffff, 1 << 24, 5000, 17000000])) + random_bytes()
    if kind == 5:
        return bytes(base) + random_bytes()
    return frame(ADMIN, rng.choice([b'{', b'[]', b'null', b'{"command":5}', b'{"command":"user add","user":"\\u0000"}', b'"' * 200,
                                    b'{"command":"status","command":"reload"}', b'[' * 3000, b'{"command":"status"}\0',
                                    b'{"command":"view rollback","generation":-1}', b'{"command":"publish","x":' + b'1' * 100 + b'}']))


def hammer(path, valid, count):
    for number in range(count):
        try:
            with connect(path, 5) as peer:
                peer.sendall(malformed(valid))
                if number % 3 == 0:
                    peer.shutdown(socket.SHUT_WR)
                if number % 50 == 0:
                    peer.settimeout(0.05)
                    peer.recv(4096)
        except OSError:
            pass


before_descriptors = descriptors()
pid, keeper = service.pid, service.keeper()
hammer(RUN / 'auth.sock', valid_auth, 5000)
check('5,000 bad requests on auth.sock: alive', service.process.poll(), None)
check('... and answering', reason('anna', 'one'), 'ok')
hammer(RUN / 'admin.sock', valid_admin, 5000)
check('5,000 bad requests on admin.sock: alive', service.process.poll(), None)
check('... and answering', (reason('anna', 'one'), admin('user show', user='anna')['exit']), ('ok', 0))
check('... with the same keeper', service.keeper(), keeper)
check('... without keeping descriptors', wait_for(lambda: descriptors() <= before_descriptors + 10, 5))
sanitized = b'__asan_init' in BINARY.read_bytes()  # whose quarantine is memory too
check('... or memory', resident(service.pid), lambda kib: kib < (600_000 if sanitized else 100_000))
check('... with few lines in the log', sum('the connection is closed' in line for line in service.text().splitlines()), lambda n: 0 < n < 120)
check('the directory is as it was', sorted(must('user list', directory='d2')['users']), ['anna', 'bert', 'carl'])

# requests on the wrong socket, with the wrong size, in pieces
with connect(RUN / 'auth.sock', 5) as peer:
    peer.sendall(frame(ADMIN, b'{"command":"status"}'))
    check('an admin command on auth.sock is not answered', peer.recv(100), b'')
with connect(RUN / 'admin.sock', 5) as peer:
    peer.sendall(frame(AUTHENTICATE, authenticate_payload('anna', 'one')))
    check('a login on admin.sock is not answered', peer.recv(100), b'')
with connect(RUN / 'auth.sock', 5) as peer:
    peer.sendall(frame(36, b'x' * 20))
    check('an internal message is not answered', peer.recv(100), b'')
with connect(RUN / 'auth.sock', 5) as peer:
    peer.sendall(b'MD' + struct.pack('<BBI', 1, AUTHENTICATE, 4097))
    check('a frame above 4 KiB on auth.sock is not read', peer.recv(100), b'')
with connect(RUN / 'auth.sock', 5) as peer:
    for byte in frame(AUTHENTICATE, authenticate_payload('anna', 'one')):
        peer.sendall(bytes([byte]))
    check('a request that comes byte by byte', parse_answer(receive(peer)[1])['reason'], 'ok')
with connect(RUN / 'auth.sock', 10) as peer:
    peer.sendall(frame(AUTHENTICATE, authenticate_payload('anna', 'one')) * 20)
    check('twenty requests in one piece, answered in order', [parse_answer(receive(peer)[1])['reason'] for _ in range(20)], ['ok'] * 20)
with connect(RUN / 'auth.sock', 5) as peer:
    socket.send_fds(peer, [frame(SESSION, text('bert') + text('x') + text(''))], [0, 1, 2])
    check('descriptors that nobody asked for', receive(peer)[0], SESSION_NOTED)
check('... are not kept', wait_for(lambda: descriptors() <= before_descriptors + 10, 5))
with connect(RUN / 'admin.sock', 20) as peer:
    peer.sendall(b'MD' + struct.pack('<BBI', 1, ADMIN, 12 << 20) + b' ' * (12 << 20))
    check('12 MiB of blanks are answered or refused, not fatal', service.process.poll(), None)

# peers that only sit there
sitting = []
for _ in range(2100):
    try:
        sitting.append(connect(RUN / 'auth.sock', 1))
    except OSError:
        break


def quiet():
    try:
        return reason('anna', 'one', limit=3) == 'ok'
    except (OSError, EOFError):
        return False


check('2,000 silent peers are sent away, then logins work', wait_for(quiet, 20, 0.5))
for peer in sitting:
    peer.close()
check('afterwards at once', wait_for(quiet, 3))

# not root
for path in ('auth.sock', 'admin.sock'):
    os.chmod(RUN / path, 0o666)


def as_nobody(path, data):
    """What a process of nobody gets back: None when it cannot even connect."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            with connect(path, 3) as peer:
                try:
                    peer.sendall(data)
                except OSError:
                    pass
                got = b''
                try:
                    got = peer.recv(100)
                except ConnectionResetError:
                    pass
                os.write(writing, b'got:' + got)
        except OSError as error:
            os.write(writing, b'error:' + str(error).encode())
        os._exit(0)
    os.close(writing)
    answer = os.read(reading, 1000)
    os.close(reading)
    os.waitpid(child, 0)
    return answer


time.sleep(1.1)  # one line a second about such peers
check('a peer that is not root gets nothing from auth.sock, whatever its mode',
      as_nobody(RUN / 'auth.sock', frame(AUTHENTICATE, authenticate_payload('anna', 'one'))), b'got:')
check('... nor from admin.sock', as_nobody(RUN / 'admin.sock', frame(ADMIN, b'{"command":"status"}')), b'got:')
check('... and the log says so', 'is not root' in service.text())
os.chmod(RUN / 'auth.sock', 0o600)
check('with the right mode it cannot connect', as_nobody(RUN / 'auth.sock', b'').startswith(b'error:'))
check('root still can', reason('anna', 'one'), 'ok')
check('a clean end', service.stop(), 0)
done()
