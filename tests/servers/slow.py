#!/usr/bin/python3
"""slow.py PORT SERVER-PORT SECONDS [bind|all]   an LDAP server on 127.0.0.1:PORT that answers late: what comes of the one on SERVER-PORT is passed on
SECONDS after it came; bind: only the answers to binds, all: everything.

Relies on: LDAP without TLS: messages are told apart by their tags. One thread for all connections.
Must never: hold up one answer behind another one.
"""
import asyncio, sys

BIND_RESPONSE = 0x61


def length_at(data, at):
    """The length that stands there, and where what it counts begins; None: not all of it is here."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 0x80:
        return first, at + 1
    end = at + 1 + (first & 0x7f)
    return None if end > len(data) else (int.from_bytes(data[at + 1:end], 'big'), end)


def split(data):
    """The first whole message, its tag, and the rest."""
    found = length_at(data, 1)
    if not found or found[1] + found[0] > len(data):
        return None
    end, number = sum(found), length_at(data, found[1] + 1)
    return data[:end], data[sum(number)], data[end:]


async def late(message, writer, seconds):
    await asyncio.sleep(seconds)
    writer.write(message)


async def answers(reader, writer, seconds, everything):
    rest = b''
    while data := await reader.read(65536):
        rest += data
        while found := split(rest):
            message, tag, rest = found
            if everything or tag == BIND_RESPONSE:
                asyncio.ensure_future(late(message, writer, seconds))
            else:
                writer.write(message)
    writer.close()


async def questions(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def main():
    port, server, seconds, everything = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:] == ['all']

    async def serve(reader, writer):
        there_reader, there_writer = await asyncio.open_connection('127.0.0.1', server)
        done = await asyncio.gather(questions(reader, there_writer), answers(there_reader, writer, seconds, everything), return_exceptions=True)
        for error in done:
            if error and not isinstance(error, ConnectionError):
                print(error, file=sys.stderr)

    async with await asyncio.start_server(serve, '127.0.0.1', port, backlog=1024) as listener:
        await listener.serve_forever()


asyncio.run(main())
