#!/usr/bin/python3
"""forward.py PID PORT:INNER…   what connects to 127.0.0.1:PORT here talks to 127.0.0.1:INNER in the network namespace of process PID.

For servers whose ports cannot be chosen. Relies on: Linux, root.
Must never: listen on anything but 127.0.0.1.
"""
import ctypes, os, selectors, socket, sys, threading

CLONE_NEWNET = 0x40000000


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, port):
    try:
        server = socket.create_connection(('127.0.0.1', port))
    except OSError:
        client.close()
        return
    for one in (client, server):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=copy, args=(server, client), daemon=True)
    back.start()
    copy(client, server)
    back.join()
    client.close()
    server.close()


def main():
    selector = selectors.DefaultSelector()
    for pair in sys.argv[2:]:
        outer, inner = map(int, pair.split(':'))
        listener = socket.create_server(('127.0.0.1', outer), backlog=128)
        selector.register(listener, selectors.EVENT_READ, inner)
    # Sockets made from here on live in there; those above stay out here.
    with open(f'/proc/{sys.argv[1]}/ns/net') as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))
    while True:
        for key, _ in selector.select():
            client, _ = key.fileobj.accept()
            threading.Thread(target=serve, args=(client, key.data), daemon=True).start()


main()
