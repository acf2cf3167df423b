"""directory test, directory sync, reload --force: one directory asked and read again by hand."""
import os
import signal
import sqlite3
import time

from bed import *

make()
configure(deadline='2s')
service = started()
people()


def test(directory='d1', **fields):
    """(exit, reason, [result of each step]) of directory test."""
    reply = admin('directory test', directory=directory, **fields)
    shown = reply['object']
    return reply['exit'], shown.get('reason', shown.get('error', {}).get('reason')), [step['result'] for step in shown.get('steps', [])]


check('the directory answers', test(), (0, 'ok', ['ok']))
check('it has the user', test(user='anna'), (0, 'ok', ['ok', 'ok']))
check('N1 in any case, with the right password', test(user='ANNA', password='one'), (0, 'ok', ['ok', 'ok', 'ok']))
check('the password of another directory', test(user='anna', password='two'), (1, 'wrong-password', ['ok', 'ok', 'wrong-password']))
check('... which is right there, owner or not', test('d2', user='anna', password='two'), (0, 'ok', ['ok', 'ok', 'ok']))
for command in 'directory test', 'directory sync', 'directory show':
    unknown = admin(command, directory='nope')
    check(f'{command}: no such directory', (unknown['exit'], unknown['object']['error']['text']), (3, 'no directory is named "nope"'))
check('no such user', test(user='ghost', password='x'), (3, 'user-not-found', ['ok', 'user-not-found']))
check('no such directory', test('d3')[0], 3)
for name, fields in (('an empty user', {'user': ''}), ('a password of nobody', {'password': 'x'}), ('a long name', {'user': 'x' * 256}),
                     ('a field too many', {'colour': 'red'}), ('a number', {'user': 7})):
    check(f'usage: {name}', test(**fields)[0], 2)
check('L8 an empty password', test(user='anna', password=''), (1, 'empty-password', []))
check('L8 an over-long one', test(user='anna', password='x' * 1025), (1, 'bad-password', []))
check('L8 a NUL in it', test(user='anna', password='o\0ne'), (1, 'bad-password', []))
must('user deactivate', directory='d1', user='anna')
check('L3 an inactive user', test(user='anna', password='one'), (1, 'inactive', ['ok', 'inactive', 'ok']))
must('user activate', directory='d1', user='anna')
check('L11 wrong passwords count', [test('d2', user='bert', password='no')[1] for _ in range(7)], ['wrong-password'] * 6 + ['throttled'])
check('... for logins too', reason('bert', 'three'), 'throttled')
check('the log has no password', '"three"' not in service.text() and 'o\0ne' not in service.text())

# a checker that hangs, and then a peer that goes away while its question is with one
def stop_checkers():
    for pid in service.checkers('d1'):
        freeze(pid)


stop_checkers()
began = time.monotonic()
check('a checker that hangs: unavailable', test(user='anna', password='one'), (6, 'unavailable', ['unavailable']))
check('... by the deadline', time.monotonic() - began, lambda t: t < 2.5)
check('... and then it answers again', wait_for(lambda: test(user='anna', password='one')[0] == 0, 5))
stop_checkers()
with connect(RUN / 'admin.sock') as peer:
    peer.sendall(frame(ADMIN, json.dumps({'command': 'directory test', 'directory': 'd1', 'user': 'anna', 'password': 'one'}).encode()))
    time.sleep(0.1)
time.sleep(2.5)
check('a peer that goes away: the service goes on', wait_for(lambda: test(user='anna', password='one')[0] == 0, 5))

# what another hand has written into the store is not seen until it is read again
def sneak(name):
    with sqlite3.connect(STATE / 'stores' / 'd1.db') as store:
        columns = [row[1] for row in store.execute('PRAGMA table_info(users)')]
        renamed = {'name': f"'{name}'", 'folded': f"'{name}'", 'entry_id': f"'{name}'", 'id': 'NULL'}
        values = [renamed.get(column, column) for column in columns]
        store.execute(f"INSERT INTO users ({', '.join(columns)}) SELECT {', '.join(values)} FROM users WHERE name = 'anna'")


sneak('sneaked')
check('reload alone does not read an unchanged directory', (admin('reload')['exit'], b'sneaked\0' in VIEW.read_bytes()), (0, False))
reply = admin('directory sync', directory='d1')
check('directory sync does, and has published when it returns', (reply['exit'], b'sneaked\0' in VIEW.read_bytes()), (0, True))
check('... and says the state', [(row['name'], row['state'], row['users']) for row in reply['object']['directories']], [('d1', 'ready', 2)])
sneak('sneaked2')
check('reload --force does too', (admin('reload', force=True)['exit'], b'sneaked2\0' in VIEW.read_bytes()), (0, True))
check('directory sync of all', [row['name'] for row in must('directory sync', full=True)['directories']], ['d1', 'd2'])
check('directory sync of one that is not there', admin('directory sync', directory='d3')['exit'], 3)
check('a clean end', service.stop(), 0)
done()
