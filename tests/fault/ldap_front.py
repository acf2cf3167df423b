"""Servers that are several, or not well: one who stands before them and says which of them each connection comes to, and what becomes of each search; and
a second slapd with the entries of the first.

Relies on: ldap_bed.py.
Must never: be run by itself.
"""
import collections
import contextlib
import socket
import subprocess
import threading

from ldap_bed import *

FRONT, PORT2, SPORT2, DIR2 = 3892, 3990, 6460, TOP / 'slapd2'
KEPT, CUT = -1, -2  # what becomes of a search that has no LDAP result code: it has no answer; its connection is closed

# front: the port that was asked; port: the server's that it came to; who: the DN that the connection is bound as; data: the whole request.
Search = collections.namedtuple('Search', 'front port who data')


def well(_search):
    return 0


def of_groups(search):
    return b'groupOfNames' in search.data


def of_own_entry(search):
    """A user's, on the connection that has taken the password."""
    return search.who.startswith('uid=')


def tlv(tag, *parts):
    body = b''.join(part.encode() if isinstance(part, str) else part for part in parts)
    size = bytes([len(body)]) if len(body) < 128 else b'\x82' + len(body).to_bytes(2, 'big')
    return bytes([tag]) + size + body


def entry_of(dn, attribute, value):
    """What a server sends of an entry."""
    return tlv(0x64, tlv(4, dn), tlv(0x30, tlv(0x30, tlv(4, attribute), tlv(0x31, tlv(4, value)))))


class Front(Between):
    """to: a port; or a function of the connection's number (1 is the first since `count` was set to 0) and the tag of its first request.
    answer: a function of a Search, of those below the base: 0 hands it on; an LDAP result code is its answer, or an entry (entry_of), and success; or KEPT or CUT.
    `searches`: all of these."""

    def __init__(self, to, port=FRONT, address='127.0.0.1', answer=well):
        self.choose = to if callable(to) else lambda number, tag: to
        self.port, self.answer, self.count, self.searches = port, answer, 0, []
        self.lines = {}  # by the socket to the server: the socket to the client, the server's port, the DN
        super().__init__(port, address=address)

    def begin(self, peer, port):
        threading.Thread(target=self.route, args=(peer,), daemon=True).start()

    def route(self, peer):
        with contextlib.suppress(OSError):
            first = peer.recv(64, socket.MSG_PEEK)
            if first:
                self.count += 1
                super().begin(peer, self.choose(self.count, first[self.request_at(first)[0]]))
                return
        peer.close()

    def upward(self, peer, server, deaf):
        self.lines[server] = [peer, server.getpeername()[1], '']
        super().upward(peer, server, deaf)

    def take(self, message, server, deaf):
        at, header = self.request_at(message)
        line = self.lines[server]
        if message[at] == BIND:
            line[2] = self.bound_as(message)
        word = 0
        if message[at] == SEARCH and b'dc=example' in message:
            search = Search(self.port, line[1], line[2], message)
            self.searches.append(search)
            word = self.answer(search)
        if word == 0:
            super().take(message, server, deaf)
        elif word == CUT:
            self.cut(server)
        elif word != KEPT:
            code = 0 if isinstance(word, bytes) else word
            for operation in ([] if code else [word]) + [tlv(0x65, tlv(10, bytes([code])), tlv(4), tlv(4))]:
                line[0].sendall(tlv(0x30, message[header:at], operation))

    def cut(self, server):
        for one in self.lines[server][0], server:
            with contextlib.suppress(OSError):  # it may be gone already
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        """No new connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def die(self):
        """... and none of the others."""
        self.close()
        for server in list(self.lines):
            self.cut(server)


def start_twin():
    """A server with the same entries, their ids with them."""
    seed = TOP / 'twin.ldif'
    seed.write_text(subprocess.run(['slapcat', '-f', DIR / 'slapd.conf', '-b', 'dc=example,dc=org'], check=True, text=True, capture_output=True).stdout)
    slapd('start', PORT2, SPORT2, seed, folder=DIR2)
