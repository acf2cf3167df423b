"""Changes at a directory's server when something fails at the worst moment: the line cut before and after the request, the worker killed, the server
hung, the synchronisation that would publish it killed (U12). Whatever is said is true, and the next synchronisation repairs the rest."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

from ldap_bed import *

FRONT = 3899
CHANGES = {0x66: 'modify', 0x68: 'add', 0x4a: 'delete', 0x6c: 'rename'}


class Proxy:
    """Stands before slapd, and knows a request that changes something when it sees one."""

    def __init__(self):
        self.mode, self.seen, self.binds, self.closed = 'pass', 0, 0, False
        self.free, self.going_on, self.reads = threading.Event(), threading.Event(), 0  # going_on: cleared, who reads everybody is not answered
        self.going_on.set()
        self.listener = socket.create_server(('127.0.0.1', FRONT), backlog=64)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            peer = self.listener.accept()[0]
            if self.closed:
                peer.close()
                continue
            server = socket.create_connection(('127.0.0.1', PORT))
            line = {'silent': False, 'reading': False}
            threading.Thread(target=self.requests, args=(peer, server, line), daemon=True).start()
            threading.Thread(target=self.answers, args=(peer, server, line), daemon=True).start()

    def requests(self, peer, server, line):
        try:
            while True:
                head, body = self.message(peer)
                change = body[2 + body[1]] in CHANGES
                # of everybody, as a synchronisation does
                line['reading'] = body[2 + body[1]] == SEARCH and b'ou=people' in body and b'bob' not in body
                self.reads += line['reading']
                self.seen += change
                self.binds += body[2 + body[1]] == 0x60
                if change and self.mode == 'held':
                    self.free.wait(20)
                if change and self.mode == 'before':
                    break
                if change and self.mode in ('lost', 'silent'):
                    line['silent'] = True
                if change and self.mode == 'then closed':
                    self.closed = True
                server.sendall(head + body)
                if change and self.mode == 'lost':
                    time.sleep(0.3)
                    break
        except (OSError, EOFError):
            pass
        for one in (peer, server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def message(peer):
        head = receive_exactly(peer, 2)
        if head[1] < 0x80:
            return head, receive_exactly(peer, head[1])
        more = receive_exactly(peer, head[1] & 0x7f)
        return head + more, receive_exactly(peer, int.from_bytes(more, 'big'))

    def answers(self, peer, server, line):
        try:
            while True:
                data = server.recv(65536)
                if not data:
                    break
                if line['reading']:
                    self.going_on.wait(20)
                if not line['silent']:
                    peer.sendall(data)
        except OSError:
            pass
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def held(function):
    """Runs it in the background until its first change is on its way to the server, and stays there: see let_go()."""
    proxy.mode, seen = 'held', proxy.seen
    proxy.free.clear()
    running = in_background(function)
    wait_for(lambda: proxy.seen > seen, 10)
    return running


def let_go():
    proxy.mode = 'pass'
    proxy.free.set()


def all_at_server(dn, attribute):
    out = subprocess.run(['ldapsearch', '-x', '-LLL', '-o', 'ldif-wrap=no', '-H', f'ldap://127.0.0.1:{PORT}', '-D', 'cn=admin,dc=example,dc=org', '-w', 'admin-pw',
                          '-s', 'base', '-b', dn, attribute], env={'LDAPNOINIT': '1', 'PATH': os.environ['PATH']}, text=True, capture_output=True, timeout=20).stdout
    return sorted(line.split(': ', 1)[1] for line in out.splitlines() if line.startswith(attribute + ': '))


def at_server(dn, attribute):
    return next(iter(all_at_server(dn, attribute)), None)


def members_at_server(group):
    return all_at_server(f'cn={group},ou=groups,dc=example,dc=org', 'uniqueMember')


def display(user='bob'):
    return admin('user show', user=user)['object'].get('display_name')


def change(name, user='bob', **more):
    return admin('user modify', limit=60, user=user, display_name=name, **more)


def word(reply):
    """exit, result, reason; and all that is said."""
    said = reply['object']
    return reply['exit'], said.get('result'), said.get('reason'), json.dumps(said)


def in_background(function):
    box = []
    thread = threading.Thread(target=lambda: box.append(function()), daemon=True)
    thread.start()
    return thread, box


# no watch: what is shown was read because of the change
os.environ['SLAPD_NO_SYNCPROV'] = '1'
make_ldap()
slapd('config', stdin='dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n'
                      'olcAccess: {0}to * by dn.exact="cn=reader,dc=example,dc=org" write by * break\n')
CONFIGURATION = above_local(SECTION.format(name='people', uri=f'ldap://127.0.0.1:{FRONT}', base='dc=example,dc=org') +
                            'user_base = ou=people\ngroup_base = ou=groups\n', '4s')
configure(CONFIGURATION)
proxy = Proxy()
service = started()
DN = 'uid=bob,ou=people,dc=example,dc=org'

check('a change', word(change('One'))[:3], (0, 'done', 'ok'))
check('... is published', display(), 'One')

# the line is cut before the server has the request, and after it
proxy.mode = 'before'
check('cut before the server has it: nobody knows', word(change('Two')), lambda w: w[:3] == (6, 'refused', 'unavailable') and 'not known' in w[3])
proxy.mode = 'pass'
check('... and it is not there', (at_server(DN, 'displayName'), display()), ('One', 'One'))
proxy.mode = 'lost'
check('cut after it: nobody knows', word(change('Three')), lambda w: w[:3] == (6, 'refused', 'unavailable') and 'not known' in w[3])
proxy.mode = 'pass'
check('... but it is there', at_server(DN, 'displayName'), 'Three')
check('... and the next synchronisation shows it, by itself', wait_for(lambda: display() == 'Three', 15, 0.1), True)

# it was tried once only
seen = proxy.seen
proxy.mode = 'lost'
change('Four')
check('what may have been done is not tried twice', proxy.seen - seen, 1)
proxy.mode = 'pass'
check('... and is shown', wait_for(lambda: display() == 'Four', 15, 0.1), True)

# the worker is killed while it waits for the answer
proxy.mode = 'silent'
seen = proxy.seen
thread, box = in_background(lambda: change('Five'))
check('a change on its way', wait_for(lambda: proxy.seen > seen, 10), True)
kill_workers(service)
thread.join(30)
check('its worker killed: nobody knows', word(box[0]), lambda w: w[:3] == (6, 'refused', 'unavailable') and 'not known' in w[3])
proxy.mode = 'pass'
check('... it was done, and is shown by itself', wait_for(lambda: display() == 'Five', 15, 0.1), True)

# a synchronisation is under way that has read the entry before
proxy.going_on.clear()
reads = proxy.reads
thread, box = in_background(lambda: admin('directory sync', limit=60, directory='people', full=True))
check('a synchronisation under way', wait_for(lambda: proxy.reads > reads, 10), True)
time.sleep(0.3)  # the server has answered: what comes when it goes on is what was there before
proxy.mode = 'lost'
check('... a change meanwhile, and nobody knows', word(change('Late'))[:3], (6, 'refused', 'unavailable'))
proxy.mode = 'pass'
proxy.going_on.set()
thread.join(30)
check('... that one ends', box[0]['exit'], 0)
check('... and another one shows it, by itself', wait_for(lambda: display() == 'Late', 15, 0.1), True)

# after the server's yes nothing can be read
proxy.mode = 'then closed'
killed = service.text().count('a worker ended with signal 9')
kill_workers(service)
wait_for(lambda: service.text().count('a worker ended with signal 9') > killed, 5)  # one that the service does not know to be gone would be given the change
reply = change('Six')
check('the server has it, but cannot be read', word(reply), lambda w: w[:3] == (6, 'done', 'ok') and 'has the change, but it is not published yet' in w[3])
check('... and that is so', (at_server(DN, 'displayName'), display()), ('Six', 'Late'))
proxy.mode, proxy.closed = 'pass', False
check('... it is published when it can be', wait_for(lambda: display() == 'Six', 20, 0.1), True)

# several steps: the first that fails is the last one, and the rest is said
wait_for(lambda: row()['state'] == 'ready', 10)
must('group add', directory='people', group='crew')
proxy.mode = 'pass'
slapd('change', stdin='dn: cn=full,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: full\n'
                      'uniqueMember: uid=bob,ou=people,dc=example,dc=org\nuniqueMember: uid=alice,ou=people,dc=example,dc=org\n')
must('directory sync', directory='people')
reply = admin('member remove', group='full', names=['alice', 'bob'])
check('the second step fails', word(reply), lambda w: w[:3] == (1, 'refused', 'policy-rejected') and 'has been changed before' in w[3])
check('... what was done is said', reply['object']['changed'], [{'directory': 'people', 'what': 'remove-member'}])
check('... and published', admin('group show', group='full')['object']['members'], ['bob'])

# a server that hangs
pid = slapd_pid()
freeze(pid)
began = time.monotonic()
reply = change('Seven')
took = time.monotonic() - began
check('hung: nothing is changed', word(reply), lambda w: w[:3] == (6, 'refused', 'unavailable') and 'not known' not in w[3])
check('... and nobody waits for ever', took, lambda t: t < 10)
os.kill(pid, signal.SIGCONT)
check('... back', wait_for(lambda: change('Eight')['exit'] == 0, 20, 0.3), True)
check('... and published', display(), 'Eight')

# the one who asked goes away while the server takes its time: it is done all the same, and shown when it is
def leaves():
    with connect(RUN / 'admin.sock') as peer:
        peer.sendall(frame(ADMIN, json.dumps({'command': 'user modify', 'user': DN[4:DN.index(',')], 'display_name': 'Nine'}).encode()))
        seen = proxy.seen
        wait_for(lambda: proxy.seen > seen, 5)


held(leaves)[0].join(10)
time.sleep(3)
check('nobody waits for the answer: nothing is shown before the server has it', (at_server(DN, 'displayName'), display()), ('Eight', 'Eight'))
let_go()
check('... and it is shown by itself when it has', wait_for(lambda: display() == 'Nine', 15, 0.1), True)

# a reload in the middle of a command (P1, P2): what it forbids is not done any more
slapd('change', stdin='dn: cn=open,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: open\n'
                      'uniqueMember: uid=carol,ou=people,dc=example,dc=org\n')
must('directory sync', directory='people')
thread, box = held(lambda: admin('member add', limit=60, group='open', names=['alice', 'bob']))
configure(CONFIGURATION.replace('user_rdn = uid', 'user_rdn = uid\npermissions = read-only'))
must('reload')
let_go()
thread.join(60)
check('a reload forbids it meanwhile: it goes no further', word(box[0]), lambda w: w[:3] == (6, 'refused', 'unavailable') and 'configuration was changed' in w[3])
check('... what was done is said, and published', (box[0]['object']['changed'], admin('group show', group='open')['object']['members']),
      ([{'directory': 'people', 'what': 'add-member'}], ['alice', 'carol']))
check('... and nothing else is', members_at_server('open'), ['uid=alice,ou=people,dc=example,dc=org', 'uid=carol,ou=people,dc=example,dc=org'])
configure(CONFIGURATION)
must('reload')
thread, box = held(lambda: admin('member remove', limit=60, group='open', names=['alice', 'carol']))
must('reload')
let_go()
thread.join(60)
check('a reload of the same configuration is none', word(box[0]), lambda w: 'configuration was changed' not in w[3] and len(box[0]['object']['changed']) == 1)

# the keeper dies between plan and end
proxy.mode = 'silent'
seen = proxy.seen
thread, box = in_background(lambda: change('Ten'))
wait_for(lambda: proxy.seen > seen, 10)
os.kill(service.keeper(), signal.SIGKILL)
thread.join(60)
proxy.mode = 'pass'
check('the keeper killed meanwhile: an answer comes', word(box[0]), lambda w: w[0] == 6 and w[2] == 'unavailable')
check('... and in the end it is what the server has', wait_for(lambda: display() == at_server(DN, 'displayName'), 30, 0.2), True)

# a synchronisation that is to begin when another ends, which a reload gives up: it begins all the same, and who waits is answered
freeze(pid)
thread, box = in_background(lambda: admin('directory sync', limit=60, directory='people'))
time.sleep(0.5)
check('a synchronisation that hangs', thread.is_alive(), True)
configure(CONFIGURATION.replace('login_deadline = 4s', 'login_deadline = 5s'))
must('reload')
time.sleep(0.5)
configure(CONFIGURATION.replace('user_rdn = uid', 'user_rdn = uid\nrefresh = 50m'))
must('reload')
os.kill(pid, signal.SIGCONT)
thread.join(30)
check('reloads in the middle of a synchronisation: it ends', bool(box) and box[0]['exit'], 0)
check('... and changes are published', (change('Eleven')['exit'], display()), (0, 'Eleven'))

# D5: what this host takes away is no loss, but what its server refused to take away is one
for number, name in enumerate(('gone', 'stays', 'twice', 'before')):
    slapd('change', stdin=f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: {name}\n'
                          f'cn: {name}\nsn: {name}\nuidNumber: {7001 + number}\ngidNumber: 7001\nhomeDirectory: /home/{name}\n')
slapd('change', stdin='dn: cn=below,uid=stays,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: organizationalRole\ncn: below\n')
configure(CONFIGURATION.replace('user_rdn = uid', 'user_rdn = uid\nshrink_guard = 1'))
must('reload')
must('directory sync', directory='people')
check('D5: a user that is removed from here is no loss', word(admin('user remove', limit=60, user='gone'))[:3], (0, 'done', 'ok'))
seen = proxy.seen
first, second = held(lambda: admin('user remove', limit=60, user='twice')), in_background(lambda: admin('user remove', limit=60, user='twice'))
check('D5: two commands remove the same user', wait_for(lambda: proxy.seen >= seen + 2, 10), True)
let_go()
for thread, _ in (first, second):
    thread.join(60)
check('D5: ... one of them does, and that is no loss', sorted(word(box[0])[:3] for _, box in (first, second)),
      [(0, 'done', 'ok'), (3, 'refused', 'user-not-found')])
check('D5: ... and published', admin('user show', user='twice')['exit'], 3)
slapd('change', stdin='dn: uid=before,ou=people,dc=example,dc=org\nchangetype: delete\n')
check('D5: whom somebody else has removed just before', word(admin('user remove', limit=60, user='before'))[:3], (3, 'refused', 'user-not-found'))
check('D5: ... is no loss either', (admin('directory sync', limit=60, directory='people')['exit'], admin('user show', user='before')['exit']), (0, 3))
check('D5: the server refuses a removal', word(admin('user remove', limit=60, user='stays'))[1], 'refused')
slapd('change', stdin='dn: cn=below,uid=stays,ou=people,dc=example,dc=org\nchangetype: delete\n\n'
                      'dn: uid=stays,ou=people,dc=example,dc=org\nchangetype: delete\n')
reply = admin('directory sync', limit=60, directory='people')
check('D5: ... and it is a loss when the user goes by itself', (reply['exit'], 'would lose 1 of' in json.dumps(reply)), (6, True))
configure(CONFIGURATION.replace('user_rdn = uid', 'user_rdn = uid\nshrink_guard = 100'))
must('reload')
must('directory sync', directory='people')

# the server refuses the service's own account: changes hold off as logins do, say why, and are no proof of the contrary
def reader(password):
    set_reader_password(password)
    kill_workers(service)
    wait_for(lambda: not service.workers('people'), 5)
    time.sleep(1.2)


reader('other')
binds = proxy.binds
replies = [change(f'Refused {i}') for i in range(6)]
check('bind_dn is refused: a change says so', word(replies[0]), lambda w: w[0] == 6 and 'refuses the bind as bind_dn' in w[3])
check('... one bind for six changes', ([reply['exit'] for reply in replies], proxy.binds - binds), ([6] * 6, 1))
check('... status says so', row()['error'] or '', lambda error: 'refuses the bind as bind_dn' in error)
time.sleep(30)
check('... what is refused on this host', word(admin('user modify', limit=60, user='bob', attributes={'userPassword': 'x'}))[1], 'refused')
check('... is no proof that the account is taken', 'takes the bind as bind_dn again' in service.text(), False)
reader('reader-pw')
check('... and taken again', wait_for(lambda: change('Taken')['exit'] == 0, 10, 0.5), True)

# I5: what --unmask accepts must not be used up before the former owner is gone
must('user add', directory='local', user='carol')
proxy.mode = 'then closed'
kill_workers(service)
time.sleep(1.2)
reply = admin('user remove', limit=60, user='carol', unmask=True)
check('I5: --unmask, and it cannot be published: it says what is left to do', word(reply),
      lambda w: w[:3] == (6, 'done', 'ok') and 'not published yet' in w[3] and 'multidirctl accept carol' in w[3])
proxy.mode, proxy.closed = 'pass', False
wait_for(lambda: admin('directory sync', limit=60, directory='people')['exit'] == 0, 20, 0.5)
check('I5: ... and that does it', (admin('accept', name='carol')['exit'], admin('user show', user='carol')['object'].get('owner')), (0, 'local'))

# what is done in part is no success
slapd('config', stdin='dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n'
                      'olcAccess: {0}to dn.subtree="ou=groups,dc=example,dc=org" by dn.exact="cn=reader,dc=example,dc=org" read by * break\n')
reply = admin('user rename', limit=60, user='bob', new_name='bobby')
check('U12: the entry is renamed, its groups are not: that is said', word(reply), lambda w: w[0] == 6 and w[1] == 'refused')
check('U12: ... with what was done, which is published', (reply['object']['changed'], admin('user show', user='bobby')['exit']),
      ([{'directory': 'people', 'what': 'rename-user'}], 0))
DN = 'uid=bobby,ou=people,dc=example,dc=org'

# the end of the service while a worker is at it for nobody
held(leaves)[0].join(10)
began = time.monotonic()
service.stop()
check('the service ends, whatever a worker still does', time.monotonic() - began, lambda t: t < 5)
let_go()
slapd('stop')
done()
