#!/usr/bin/python3
"""dns.py FILE [PORT]   a name server on 127.0.0.1 that answers from a file, which it reads anew for each question:

    SRV NAME PRIORITY WEIGHT PORT HOST
    A NAME ADDRESS

Names that are not in it do not exist. UDP only.
Relies on: nothing but python's standard library.
Must never: listen on anything but 127.0.0.1; ask anybody else.
"""
import socket, struct, sys

TYPES = {1: 'A', 33: 'SRV'}


def encode(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.rstrip('.').split('.')) + b'\0'


def decode(data, at):
    """(the name at `at`, where it ends). Questions are never compressed."""
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return '.'.join(labels).lower(), at + 1


def data_of(words):
    if words[0] == 'A':
        return socket.inet_aton(words[2])
    return struct.pack('>HHH', *map(int, words[2:5])) + encode(words[5])


def answer(query, lines):
    name, end = decode(query, 12)
    wanted = TYPES.get(struct.unpack_from('>H', query, end)[0])
    rows = [words for words in map(str.split, lines) if words and words[1].lower() == name]
    found = [data_of(words) for words in rows if words[0] == wanted]
    records = b''.join(b'\xc0\x0c' + query[end:end + 2] + struct.pack('>HIH', 1, 0, len(data)) + data for data in found)
    header = query[:2] + struct.pack('>HHHHH', 0x8580 | (0 if rows else 3), 1, len(found), 0, 0)
    return header + query[12:end + 4] + records


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', int(sys.argv[2]) if len(sys.argv) > 2 else 53))
    while True:
        query, peer = server.recvfrom(4096)
        with open(sys.argv[1]) as file:
            server.sendto(answer(query, file), peer)


main()
