"""Processes that were taken over: what a keeper, a checker or a worker may try from inside its sandbox, and what a keeper may hand in."""
import os
import pathlib
import subprocess
import time

import bed
from bed import *

HOOK = BUILD / 'tests' / 'fault' / 'fault_hook'
make()
(STATE / 'stores').mkdir(mode=0o700)
os.chown(STATE / 'stores', UID, GID)
service = started()
people()
(STATE / 'stores' / 'mine').write_text('x')
os.chown(STATE / 'stores' / 'mine', UID, GID)


def attempt(role, what, *authorities):
    return subprocess.run([HOOK, 'attempt', role, what, *authorities], capture_output=True, text=True, env={}).stdout.strip()


check('the sandboxes can be entered', [attempt('keeper', 'nothing'), attempt('checker', 'nothing')], ['worked', 'worked'])
check('each may say that it does not wait', [attempt(role, 'no-waiting') for role in ('keeper', 'checker', 'worker')], ['worked'] * 3)
check('locks are for who has stores', [attempt(role, 'lock') for role in ('keeper', 'checker', 'worker')], ['worked', 'worked', 'killed'])
check('the keeper has its stores', attempt('keeper', 'write-store'), 'worked')
check('the checker reads its store', attempt('checker', 'read-store'), 'worked')
for what in ('write-view', 'replace-view', 'remove-view', 'make-view', 'read-shadow'):
    check(f'the keeper, taken over: {what}', attempt('keeper', what), 'refused')
for what in ('internet', 'connect-auth', 'exec', 'fork', 'setuid', 'kill', 'signal-owner', 'signal-number', 'signal-when-ready', 'ptrace', 'code'):
    check(f'the keeper, taken over: {what}', attempt('keeper', what), 'killed')
check('a checker, taken over: read-shadow', attempt('checker', 'read-shadow'), 'refused')
for what in ('write-view', 'replace-view', 'remove-view', 'make-view', 'write-store', 'make-store', 'internet', 'connect-auth', 'exec', 'fork',
             'setuid', 'kill', 'signal-owner', 'signal-number', 'signal-when-ready', 'ptrace', 'code'):
    check(f'a checker, taken over: {what}', attempt('checker', what), 'killed')
authorities = pathlib.Path('/etc/multidir/authorities.pem')
authorities.write_text('x')
secret = pathlib.Path('/etc/multidir/secret')
secret.write_text('x')
secret.chmod(0o600)
(STATE / 'notes').write_text('x')
os.chown(STATE / 'notes', bed.WORKER_UID, bed.WORKER_UID)
check('a worker has the network', [attempt('worker', what) for what in ('nothing', 'internet', 'datagrams', 'resolve')], ['worked'] * 4)
check('a worker may read what finds and proves a server', [attempt('worker', 'read-hosts', authorities), attempt('worker', 'read-authorities', authorities)],
      ['worked'] * 2)
check('a worker of a server on this host: a socket of this host, but not the service\'s', attempt('worker-unix', 'connect-auth'), 'refused')
for what in ('read-shadow', 'read-passwd', 'read-store', 'read-secret', 'read-configuration', 'read-authorities', 'connect-auth', 'netlink'):
    check(f'a worker, taken over: {what}', attempt('worker', what), 'refused')
for what in ('write-view', 'replace-view', 'remove-view', 'make-view', 'write-store', 'make-store', 'append-log', 'raw', 'packets', 'listen', 'exec', 'fork',
             'setuid', 'kill', 'signal-owner', 'signal-number', 'signal-when-ready', 'ptrace', 'code'):
    check(f'a worker, taken over: {what}', attempt('worker', what), 'killed')
check('the view is as it was', reason('anna', 'one'), 'ok')
before = VIEW.read_bytes()
service.stop()

add_account('neighbour', 70001)
add_account('visitor', 70002)
replace('/etc/subuid', 'neighbour:800000:65536\n')
bed.BINARY = HOOK


def attack(word, published=False, said=None, number=77, logins=True):
    """Runs the service with the attacking keeper. Checks that its view is refused (or published), and what the log says."""
    (STATE / 'stores' / 'attack').write_text(word)
    os.chown(STATE / 'stores' / 'attack', UID, GID)
    attacked = Service()
    text_now = wait_for(lambda: 'ready' in attacked.text() and attacked.text(), 5)
    if published:
        check(f'a keeper hands in: {word}', (generation(), superseded(VIEW)), (number, False))
    else:
        check(f'a keeper, taken over, hands in: {word}', VIEW.read_bytes() == before)
        check(f'... the log says why: {word}', said in attacked.text())
        if logins:
            check(f'... and logins still work: {word}', reason('anna', 'one'), 'ok')
    attacked.stop()


attack('low-uid', said='mallory (id 999): the id is below 1000')
attack('root-uid', said='not published')
attack('low-primary', said='below 1000')
attack('local-name', said='local account')
attack('local-id', said='the id is a local account')
attack('reserved-name', said='docker (id 5000): the name is reserved')
attack('bad-name', said='not published')
attack('bad-shell', said='not published')
attack('local-group', said='local_groups does not give away')
attack('free-group', said='do not list just those who are in them')
attack('subordinate-id', said='in /etc/subuid')
attack('local-member', said='do not list just those who are in them')
attack('member-case', said='do not list just those who are in them')
attack('low-gid', said='group evils (id 42): the id is below 1000')
attack('group-name', said='group sudo')
attack('generation', said='another generation')
attack('damaged', said='not published')
attack('short', said='not published')
attack('unsealed', said='not sealed')
attack('no-descriptor', said='nonsense')
attack('strange-type', said='nonsense')
attack('short-message', said='nonsense')
attack('long-state', said='nonsense')
attack('descriptors', said='nonsense')
for command, fields, killed in (('user show', {'user': 'anna'}, True), ('explain update', {'update': {'command': 'user remove', 'user': 'anna'}}, True),
                                ('user modify', {'user': 'anna', 'email': 'x'}, False)):
    (STATE / 'stores' / 'attack').write_text('plans')
    os.chown(STATE / 'stores' / 'attack', UID, GID)
    attacked = Service()
    wait_for(lambda: 'ready' in attacked.text(), 5)
    reply = admin(command, **fields)
    check(f'a keeper, taken over, answers {command} with a plan: nothing is done', reply['exit'], 6)
    check(f'... and whether it may: {command}', wait_for(lambda: 'nonsense' in attacked.text(), 2), killed)
    attacked.stop()
attack('good', published=True)
before = VIEW.read_bytes()
for word, said in {'patch-low-uid': 'mallory (id 999): the id is below 1000', 'patch-local-member': 'do not list just those who are in them',
                   'patch-damaged': 'the view is damaged', 'patch-foreign': 'does not fit', 'patch-of-nothing': 'does not fit',
                   'patch-outside': 'does not fit', 'patch-cut': 'does not fit'}.items():
    attack(word, said=said, logins=False) # the view is the attacker's own by now
attack('patch-marked', published=True, number=78)
for path in (STATE / 'views').iterdir():
    path.unlink()
VIEW.unlink()
attack('marked', published=True)

# workers that attack, each in its own directory's name, with the service's own keeper
(STATE / 'stores' / 'attack').unlink()
words = {'liar': 'broke off', 'runs': '', 'lost': 'nonsense', 'other-id': 'nonsense', 'strange-type': 'nonsense', 'answer': 'nonsense', 'long': '', 'descriptors': '',
         'noise': '', 'other-frames': '', 'leaves': '', 'note': 'broke off', 'other-note': 'nonsense'}
configure('[directory/d1]\ntype = internal\n' + ''.join(
    f'[directory/{word}]\ntype = ldap\nuri = ldap://127.0.0.1:1\nbase = dc=x\non_unavailable = next\n' for word in words) +
    '[application/host]\ndirectories = liar, d1\n[application/host/d1]\nallow_all = yes\n[application/host/liar]\nallow_all = yes\n')
service = Service()
keeper = wait_for(service.keeper)


def rows():
    try:
        return {one['name']: one for one in admin('status')['object']['directories']}
    except (OSError, EOFError):
        return {}


settled = wait_for(lambda: rows() and all(rows()[word]['state'] == 'failed' for word in words) and rows(), 20, 0.1)
for word, said in words.items():
    check(f'a worker, taken over, synchronises: {word}: failed', settled and (settled[word]['state'], said in (settled[word]['error'] or '')), ('failed', True))
check('... and what one says for the status has no control characters in it', [text for text in admin('status')['object']['warnings'] if text.startswith('directory note: left')],
      ['directory note: left out?[2J?<2>all'])
check('... the keeper lives', service.keeper(), keeper)
check('... a worker that says yes to what it was not asked is killed', reason('anybody', 'x'), lambda r: r != 'ok')
check('... the service answers, and logins below work', reason('anna', 'one'), 'ok')
service.stop()
done()
