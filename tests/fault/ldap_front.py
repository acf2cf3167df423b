"""Servers that are several, or not well: one who stands before them and says which of them each connection comes to, and what becomes of each search and
each other request; and a second slapd with the entries of the first.

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
KEPT, CUT = -1, -2  # what becomes of a request that has no LDAP result code: it has no answer; its connection is closed
MODIFY, ADD, DELETE = 0x66, 0x68, 0x4a  # more of the requests' tags
ANSWERS = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67, ADD: 0x69, DELETE: 0x6b, EXTENDED: 0x78}  # ... and those of what ends them

# What else becomes of one: it comes to the server so many seconds later; the server does it, and what it says to it is replaced by that code.
Late = collections.namedtuple('Late', 'seconds')
Done = collections.namedtuple('Done', 'code')

# front: the port that was asked; port: the server's that it came to; who: the DN that the connection is bound as; data: the whole request.
Search = collections.namedtuple('Search', 'front port who data')
# Likewise of any other request, with its tag. who, of a bind: whoever is to be bound.
Request = collections.namedtuple('Request', 'front port who data tag')


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


def ending(tag, code):
    """What a server ends its answer with, of that tag."""
    return tlv(tag, tlv(10, bytes([code])), tlv(4), tlv(4))


def entry_of(dn, attribute, value):
    """What a server sends of an entry."""
    return tlv(0x64, tlv(4, dn), tlv(0x30, tlv(0x30, tlv(4, attribute), tlv(0x31, tlv(4, value)))))


class Front(Between):
    """to: a port; or a function of the connection's number (1 is the first since `count` was set to 0) and the tag of its first request.
    answer: a function of a Search, of those below the base: 0 hands it on; an LDAP result code is its answer, or an entry (entry_of), and success; or KEPT, CUT,
    Late or Done. `searches`: all of these.
    ask: likewise a function of a Request, of all others that are answered; `requests`: all of these, in the order in which they came."""

    def __init__(self, to, port=FRONT, address='127.0.0.1', answer=well):
        self.choose = to if callable(to) else lambda number, tag: to
        self.port, self.answer, self.count, self.searches = port, answer, 0, []
        self.ask, self.requests = well, []
        self.lines = {}  # by the socket to the server: the socket to the client, the server's port, the DN
        self.instead = {}  # by the socket to the server and a request's number: the code that it is answered with
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

    def word_on(self, line, tag, message):
        if tag == SEARCH and b'dc=example' in message:
            self.searches.append(Search(self.port, line[1], line[2], message))
            return self.answer(self.searches[-1])
        if tag not in ANSWERS:
            return 0
        self.requests.append(Request(self.port, line[1], line[2], message, tag))
        return self.ask(self.requests[-1])

    def take(self, message, server, deaf):
        at, header = self.request_at(message)
        line, tag, number = self.lines[server], message[at], message[header:at]
        if tag == BIND:
            line[2] = self.bound_as(message)
        word = self.word_on(line, tag, message)
        if isinstance(word, Done):
            self.instead[server, number] = word.code
        if isinstance(word, Late):
            later = threading.Timer(word.seconds, self.take_late, (message, server, deaf))
            later.daemon = True
            later.start()
        elif word == 0 or isinstance(word, Done):
            super().take(message, server, deaf)
        elif word == CUT:
            self.cut(server)
        elif word != KEPT:
            code = 0 if isinstance(word, bytes) else word
            for operation in ([] if code else [word]) + [ending(ANSWERS[tag], code)]:
                line[0].sendall(tlv(0x30, number, operation))

    def take_late(self, message, server, deaf):
        with contextlib.suppress(OSError):  # whoever asked may have gone
            super().take(message, server, deaf)

    def downward(self, peer, server, deaf):
        data = b''
        with contextlib.suppress(OSError):
            while more := server.recv(65536):
                data += more
                while (length := self.length_of(data)) and len(data) >= length:
                    message, data = data[:length], data[length:]
                    at, header = self.request_at(message)
                    code = self.instead.pop((server, message[header:at]), None)
                    if code is not None:
                        message = tlv(0x30, message[header:at], ending(message[at], code))
                    if not deaf.is_set():
                        peer.sendall(message)
            peer.shutdown(socket.SHUT_RDWR)

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
