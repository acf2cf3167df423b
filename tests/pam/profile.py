#!/usr/bin/python3
"""The PAM profile through the real pam-auth-update, on copies of this host's own /etc, which stays as it is.

What must hold: local accounts do exactly what they did before; directory users log in, and the account phase is never jumped over; taking the profile
out leaves the files byte for byte as they were.
Usage: profile.py PAM_MULTIDIR.SO PAM_SETTOK.SO DRIVE MAKE_VIEW PROFILE
"""
import glob
import os
import re
import shutil
import subprocess
import sys

from module import (AUTHENTICATE, CHANGE, CURRENT, NEW, OK, PROMPT, RETYPE, SAY, WRONG, Service, World, authenticated, changed, enter_namespace, frame,
                    NOTED)

PROFILE = '/usr/share/pam-configs/multidir'
PARTS = ['auth', 'account', 'password', 'session', 'session-noninteractive']


def overlay(path):
    name = '/run/overlay' + path.replace('/', '_')
    os.makedirs(name + '/upper')
    os.makedirs(name + '/work')
    subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={path},upperdir={name}/upper,workdir={name}/work', path], check=True)


def stacks():
    return {part: open(f'/etc/pam.d/common-{part}', encoding='utf-8').read() for part in PARTS}


def rules(part):
    """The lines that decide, with single blanks."""
    lines = (re.sub(r'\s+', ' ', line).strip() for line in stacks()[part].splitlines())
    return [line for line in lines if line and not line.startswith('#')]


def update(*arguments):
    subprocess.run(['pam-auth-update', *arguments], check=True, env=os.environ | {'DEBIAN_FRONTEND': 'noninteractive'}, stdin=subprocess.DEVNULL)


def local_conversations(w):
    """Everything that local accounts do, and what came of it."""
    steps = {
        ('loki', 'right'): ['say=local-pw-1', 'auth', 'acct', 'setcred', 'open', 'close'],
        ('loki', 'wrong'): ['say=nope', 'auth'],
        ('loki', 'account'): ['acct'],
        ('loki', 'passwd'): ['ruid=1500', 'say=local-pw-1', 'say=Uncommon.77', 'say=Uncommon.77', 'chauthtok'],
        ('loki', 'passwd back, by root'): ['say=local-pw-1', 'say=local-pw-1', 'chauthtok'],
        ('closed', 'right'): ['say=local-pw-1', 'auth', 'acct'],
        ('root', 'account'): ['acct', 'setcred', 'open', 'close'],
        ('root', 'wrong'): ['say=nope', 'auth'],
    }
    return {key: w.run('t-common', key[0], *value) for key, value in steps.items()}


def answer(request):
    if request['kind'] == AUTHENTICATE:
        right = request['password'] == b'secret' and request['user'] == 'alice'
        return authenticated(OK if right else WRONG)
    return changed(OK if request['old'] in (b'', b'secret') else WRONG) if request['kind'] == CHANGE else frame(NOTED, b'')


def prepare():
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run'], check=True)
    security = os.path.realpath(os.path.dirname(sorted(glob.glob('/lib/*/security/pam_unix.so') + glob.glob('/lib/security/pam_unix.so'))[0]))
    for path in ('/etc', '/var/lib', '/var/log', '/usr/share/pam-configs', security):
        overlay(path)
    # A host that has multidir must not look through.
    os.makedirs('/var/lib/multidir', exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/var/lib/multidir'], check=True)
    if os.path.exists(PROFILE):
        update('--package', '--remove', 'multidir')
        os.unlink(PROFILE)
    for name, uid in (('loki', 1500), ('closed', 1501)):
        subprocess.run(['useradd', '--no-create-home', '--uid', str(uid), name], check=True)
    subprocess.run(['chpasswd', '--crypt-method', 'SHA512'], input='loki:local-pw-1\nclosed:local-pw-1\n', text=True, check=True)
    subprocess.run(['chage', '--expiredate', '1', 'closed'], check=True)
    shutil.copy(sys.argv[1], security)
    w = World(*(os.path.abspath(a) for a in sys.argv[1:5]))
    with open('/etc/pam.d/t-common', 'w', encoding='utf-8') as f:
        f.write(''.join(f'@include common-{part}\n' for part in PARTS[:4]))
    w.folder = '/etc/pam.d'
    return w


def check_stacks(w):
    auth, account, password = rules('auth'), rules('account'), rules('password')
    order = [next((i for i, line in enumerate(auth) if module in line), -1) for module in ('pam_unix.so', 'pam_multidir.so', 'pam_deny.so')]
    w.note('auth: primary, behind pam_unix', order == sorted(order) and -1 not in order, True)
    w.note('auth: the line', [line for line in auth if 'multidir' in line], ['auth [success=1 default=ignore] pam_multidir.so try_first_pass'])
    line = 'account [success=ok new_authtok_reqd=ok user_unknown=ignore default=bad] pam_multidir.so'
    w.note('account: additional, behind the primary block', line in account and account.index(line) > max(
        i for i, other in enumerate(account) if 'pam_permit.so' in other), True)
    w.note('password: the line', [line for line in password if 'multidir' in line],
           ['password [success=1 default=ignore] pam_multidir.so try_first_pass'])
    for part in ('session', 'session-noninteractive'):
        w.note(f'{part}: the line', [line for line in rules(part) if 'multidir' in line], ['session optional pam_multidir.so'])


def directory_users(w):
    user = ['uid-of=alice:70000']
    w.service = Service()
    w.row('a directory user logs in', 't-common', 'alice', user + SAY + ['auth', 'acct', 'open', 'close'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_SUCCESS|alice', 'open|PAM_SUCCESS|alice', 'close|PAM_SUCCESS|alice'], answer)
    w.row('a wrong password', 't-common', 'alice', user + ['say=bad', 'auth'], [PROMPT, 'auth|PAM_AUTH_ERR|alice'], answer)
    w.row('a name of nobody', 't-common', 'zed', ['say=bad', 'auth'], [PROMPT, 'auth|PAM_AUTH_ERR|zed'], answer)
    w.row('L4: pam_unix\'s success does not jump over the account phase', 't-common', 'reason7', ['uid-of=reason7:70011', 'acct'],
          ['acct|PAM_PERM_DENIED|reason7'], answer)
    w.row('L3: inactive', 't-common', 'reason5', ['uid-of=reason5:70009', 'acct'], ['acct|PAM_ACCT_EXPIRED|reason5'], answer)
    w.row('L7: must change passes through', 't-common', 'alice', user + SAY + ['auth', 'acct'],
          [PROMPT, 'auth|PAM_SUCCESS|alice', 'acct|PAM_NEW_AUTHTOK_REQD|alice'], authenticated(must_change=1))
    w.row('passwd', 't-common', 'alice', user + ['ruid=70000'] + SAY + ['say=new', 'say=new', 'chauthtok'],
          [CURRENT, NEW, RETYPE, 'chauthtok|PAM_SUCCESS|alice'], answer,
          [{'check_only': 1, 'old': b'secret'}, {'check_only': 0, 'old': b'secret', 'new': b'new'}])
    w.service.stop()
    w.service = None


def main():
    if '--inside' not in sys.argv:
        if not shutil.which('pam-auth-update'):
            print('no pam-auth-update here: skipped')
            sys.exit(77)
        enter_namespace()
    w = prepare()
    update('--package', '--enable', 'multidir')
    before, locals_before = stacks(), local_conversations(w)
    w.note('the local accounts of this test work', [locals_before[('loki', 'right')][1], locals_before[('closed', 'right')][-1]],
           ['auth|PAM_SUCCESS|loki', 'acct|PAM_AUTH_ERR|closed'])
    shutil.copy(sys.argv[5], PROFILE)
    update('--package', '--enable', 'multidir')
    check_stacks(w)
    w.note('local accounts as before, without a service', local_conversations(w), locals_before)
    directory_users(w)
    os.unlink('/var/lib/multidir/view')
    w.note('local accounts as before, without a view', local_conversations(w), locals_before)
    update('--package', '--remove', 'multidir')
    w.note('taken out, the files are byte for byte as they were', stacks(), before)
    print(f'1..{w.count}\n# {w.failed} failed')
    sys.exit(w.failed > 0)


if __name__ == '__main__':
    main()
