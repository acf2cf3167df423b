#!/usr/bin/python3
"""hostile.py MODE PORT   an "LDAP server" on 127.0.0.1 that behaves as MODE says, until it is ended.

    silent      takes connections and says nothing          close       takes them and closes
    reset       resets them after the first request         garbage     answers with noise
    half        half an answer, then nothing                drip        an answer, a byte a second
    huge        a length of 2 GB, and bytes to go with it   other-id    the answer to another request
    notice      says that it is about to disconnect         starttls    takes StartTLS, then talks on in clear
    cut         bind good, entries, and the connection ends before the result
    referral    bind good, an entry, a reference to another server, and a good result
    limit       bind good, entries, and "size limit exceeded"
    no-cookie   bind good; asked for pages: five of nine entries, a good result and no word about pages; else all nine
    twice       bind good, two entries of one name and one immutable id, a good result
    binary      bind good, entries whose values are no text and no numbers, a good result

Relies on: nothing but python's standard library.
Must never: listen on anything but 127.0.0.1.
"""
import os, socket, struct, sys, threading, time

BASE = b'dc=example,dc=org'


def ber(tag, *parts):
    body = b''.join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b'\x84' + struct.pack('>I', len(body))
    return bytes([tag]) + length + body


def number(value, tag=2):
    return ber(tag, value.to_bytes(value.bit_length() // 8 + 1, 'big'))


def message(request, operation):
    return ber(0x30, number(request), operation)


def result(request, tag, code=0, text=b''):
    return message(request, ber(tag, number(code, 0x0a), ber(4), ber(4, text)))


def entry(request, dn, **attributes):
    listed = [ber(0x30, ber(4, name.encode()), ber(0x31, *[ber(4, value) for value in values])) for name, values in attributes.items()]
    return message(request, ber(0x64, ber(4, dn), ber(0x30, *listed)))


def person(request, index, uuid=None, **more):
    name = b'evil%d' % index
    return entry(request, b'uid=' + name + b',' + BASE, objectClass=[b'inetOrgPerson'], uid=[name], cn=[name], sn=[name],
                 entryUUID=[uuid or b'00000000-0000-4000-8000-%012d' % index], **more)


def length_of(data, at):
    """(length, where the content starts) of what lies at `at`; None: not all there yet."""
    if len(data) < at + 2:
        return None
    if data[at + 1] < 128:
        return data[at + 1], at + 2
    octets = data[at + 1] & 127
    if len(data) < at + 2 + octets:
        return None
    return int.from_bytes(data[at + 2:at + 2 + octets], 'big'), at + 2 + octets


def requests(connection):
    """Yields (id, tag of the operation, whether it is a search for people rather than groups or a root entry, whether by pages)."""
    data = b''
    while True:
        while (head := length_of(data, 0)) is None or len(data) < sum(head):
            more = connection.recv(65536)
            if not more:
                return
            data += more
        one, data = data[head[1]:sum(head)], data[sum(head):]
        id_length, id_at = length_of(one, 0)
        at = id_at + id_length
        tag = one[at] if at < len(one) else 0
        yield int.from_bytes(one[id_at:at], 'big'), tag, b'erson' in one, b'1.2.840.113556.1.4.319' in one


def on_bind(mode, connection, request):
    good = result(request, 0x61)
    if mode == 'half':
        connection.sendall(good[:len(good) // 2])
    elif mode == 'drip':
        for byte in good:
            connection.sendall(bytes([byte]))
            time.sleep(1)
    elif mode == 'garbage':
        connection.sendall(os.urandom(65536))
    elif mode == 'huge':
        connection.sendall(b'\x30\x84\x7f\xff\xff\xff')
        while True:
            connection.sendall(bytes(1 << 20))
    elif mode == 'other-id':
        connection.sendall(result(request + 7, 0x61))
    elif mode == 'notice':
        connection.sendall(message(0, ber(0x78, number(52, 0x0a), ber(4), ber(4, b'going down'), ber(0x8a, b'1.3.6.1.4.1.1466.20036'))))
    elif mode == 'reset':
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()
    else:
        connection.sendall(good)


def on_search(mode, connection, request, people, paged):
    done = result(request, 0x65)
    if not people:
        connection.sendall(done)
    elif mode == 'cut':
        connection.sendall(b''.join(person(request, i) for i in range(5)))
        connection.shutdown(socket.SHUT_RDWR)
    elif mode == 'referral':
        reference = message(request, ber(0x73, ber(4, b'ldap://127.0.0.1:9/ou=elsewhere,' + BASE)))
        connection.sendall(person(request, 1) + reference + done)
    elif mode == 'limit':
        connection.sendall(b''.join(person(request, i) for i in range(5)) + result(request, 0x65, 4, b'size limit exceeded'))
    elif mode == 'no-cookie':
        connection.sendall(b''.join(person(request, i) for i in range(5 if paged else 9)) + done)
    elif mode == 'twice':
        same = b'00000000-0000-4000-8000-000000000001'
        connection.sendall(person(request, 1, same) + person(request, 1, same) + done)
    elif mode == 'binary':
        connection.sendall(person(request, 1, displayName=[b'\xff\xfe\x00:\n'], mail=[b'\n'] * 50, uidNumber=[b'99999999999999999999'])
                           + entry(request, b'\xff\x00=,,,', uid=[b'\x00'], entryUUID=[b'']) + entry(request, b'', uid=[]) + done)
    else:
        connection.sendall(done)


def serve(mode, connection):
    try:
        if mode == 'close':
            connection.close()
            return
        for request, tag, people, paged in requests(connection):
            if mode == 'silent':
                continue
            if tag == 0x77:
                connection.sendall(result(request, 0x78, 0 if mode == 'starttls' else 2))
                if mode == 'starttls':
                    connection.sendall(result(request + 1, 0x61))
            elif tag == 0x60:
                on_bind(mode, connection, request)
            elif tag == 0x63:
                on_search(mode, connection, request, people, paged)
    except OSError:
        pass


def main():
    mode, port = sys.argv[1], int(sys.argv[2])
    if f' {mode} ' not in __doc__.replace('\n', ' '):
        sys.exit(f'hostile.py: no such mode: {mode}')
    listener = socket.create_server(('127.0.0.1', port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(mode, connection), daemon=True).start()


main()
