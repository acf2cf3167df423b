#!/usr/bin/python3
"""Runs scenarios (tests/scenarios/README.md) from outside: through multidirctl, PAM and NSS of a real installation.

Relies on: namespace.sh (it writes /etc/multidir and wipes /var/lib/multidir), pamtester, getent, id.
Must never: look into the service's files; what it asserts is what a user would see.

scenarios.py [--ldap=all|first|last] FILE-OR-FOLDER…   prints a line per scenario and, last, the count.
"""
import json, os, pathlib, re, signal, subprocess, sys, time

if 'MULTIDIR_IN_NAMESPACE' not in os.environ:
    sys.exit('scenarios.py: run it through namespace.sh: it would wipe /etc/multidir and /var/lib/multidir of this host')
CONF = pathlib.Path('/etc/multidir/multidir.conf')
STATE = pathlib.Path('/var/lib/multidir')
LOG = pathlib.Path(os.environ.get('MULTIDIR_TOP', '/tmp')) / 'multidird.log'
# What acct_mgmt and authenticate may end with, as pamtester words it.
PAM_ALLOW = 'successfully'


class Failure(Exception):
    pass


def run(*args, text=None, timeout=60):
    """(exit status, standard output, standard error)"""
    done = subprocess.run(args, input=text, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def ctl(*args, text=None):
    code, out, err = run('multidirctl', '--json', *args, text=text)
    try:
        shown = json.loads(out) if out.strip() else {}
    except ValueError:
        raise Failure(f'multidirctl {" ".join(args)} printed no JSON object: {out!r} {err!r}')
    return code, shown, err


def must(*args, text=None):
    code, shown, err = ctl(*args, text=text)
    if code != 0:
        raise Failure(f'filling the world: multidirctl {" ".join(args)}: exit {code}: {shown} {err}')


class Service:
    def __init__(self):
        self.process = None

    def start(self):
        log = open(LOG, 'a')
        self.process = subprocess.Popen(['/usr/sbin/multidird'], stderr=log, stdout=log, stdin=subprocess.DEVNULL)
        for _ in range(400):
            if run('multidirctl', 'status')[0] == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise Failure('multidird did not become ready: ' + LOG.read_text()[-2000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise Failure('multidird did not stop within 20 s')
        self.process = None


def configuration(world, restricted):
    """multidir.conf of a world; permissions only when restricted."""
    lines = []
    for name, directory in world['directories'].items():
        settings = dict(directory.get('settings', {}))
        if not restricted:
            settings.pop('permissions', None)
        # While the world is filled a directory takes part, even if it is switched off afterwards.
        if not restricted:
            settings.pop('active', None)
        lines += [f'[directory/{name}]', f'type = {directory.get("type", "internal")}']
        lines += [f'{key} = {value}' for key, value in settings.items()] + ['']
    for name, application in world['applications'].items():
        lines += [f'[application/{name}]', 'directories = ' + ', '.join(application['directories'])]
        lines += [f'{key} = {value}' for key, value in application.get('settings', {}).items()] + ['']
        for mapping, settings in application.get('mappings', {}).items():
            settings = dict(settings)
            if not restricted:
                settings.pop('permissions', None)
            lines += [f'[application/{name}/{mapping}]']
            lines += [f'{key} = {value}' for key, value in settings.items()] + ['']
    return '\n'.join(lines) + '\n'


def in_order(world):
    """The directories, host's order first: a name that came to a higher directory later would change its owner, and be withheld (I5)."""
    order = world['applications']['host']['directories']
    return sorted(world['directories'].items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))


def fill(world):
    for directory, content in in_order(world):
        at = ('--directory', directory)
        for user, entry in content.get('users', {}).items():
            options = []
            for key, value in entry.get('attributes', {}).items():
                flag = {'uid': '--uid', 'gid': '--gid', 'home': '--home', 'shell': '--shell', 'email': '--email',
                        'display_name': '--display-name'}.get(key)
                options += [flag, str(value)] if flag else ['--attribute', f'{key}={value}']
            password = entry.get('password')
            text = None
            if password is not None:
                options.append('--password-stdin')
                text = password + '\n'
            must(*at, 'user', 'add', user, *options, text=text)
            if entry.get('active') is False:
                must(*at, 'user', 'deactivate', user)
        for group, entry in content.get('groups', {}).items():
            options = ['--gid', str(entry['gid'])] if 'gid' in entry else []
            must(*at, 'group', 'add', group, *options)
        for group, entry in content.get('groups', {}).items():
            if entry.get('members'):
                must(*at, 'member', 'add', group, *entry['members'])
            if entry.get('groups'):
                must(*at, 'member', 'add', group, *entry['groups'], '--group')


def pam_service(service):
    path = pathlib.Path('/etc/pam.d') / service
    mark = '# made by scenarios.py\n'
    if not path.exists() or path.read_text().startswith(mark) is False:
        path.write_text(mark + ''.join(f'{kind} required pam_multidir.so\n' for kind in ('auth', 'account', 'password', 'session')))


def check_login(check):
    user, password, service = check['login'], check['password'], check.get('service', 'scenario')
    code, shown, _ = ctl('explain', 'login', user, '--service', service, '--password-stdin', text=password + '\n')
    for key in ('verdict', 'reason', 'owner'):
        if key in check and shown.get(key) != check[key]:
            raise Failure(f'explain login {user}: {key} is {shown.get(key)!r}: {shown}')
    if code != (0 if check['verdict'] == 'allow' else 1):
        raise Failure(f'explain login {user}: exit {code}')
    pam_service(service)
    code, out, err = run('pamtester', service, user, 'authenticate', 'acct_mgmt', text=password + '\n')
    if (code == 0) != (check['verdict'] == 'allow'):
        raise Failure(f'PAM says {"allow" if code == 0 else "deny"} for {user}: {out}{err}')


def check_first(check):
    """A login through PAM alone, as `explain` creates nobody."""
    service = check.get('service', 'scenario')
    pam_service(service)
    code, out, err = run('pamtester', service, check['login-first'], 'authenticate', 'acct_mgmt', text=check['password'] + '\n')
    if (code == 0) != (check['verdict'] == 'allow'):
        raise Failure(f'PAM says {"allow" if code == 0 else "deny"} for {check["login-first"]}: {out}{err}')


def private_group(user):
    """The user's primary group, if it is a private one: not one of the directory's."""
    code, out, _ = run('id', '-gn', user)
    name = out.strip()
    code, shown, _ = ctl('group', 'show', name)
    return name if code != 0 else None


def check_groups(check):
    code, out, err = run('id', '-Gn', check['groups'])
    if code != 0:
        raise Failure(f'id {check["groups"]}: {err}')
    names = out.split()
    private = private_group(check['groups'])
    if sorted(n for n in names if n != private) != sorted(check['are']):
        raise Failure(f'groups of {check["groups"]} are {names}, wanted {check["are"]}')


def check_members(check):
    code, out, _ = run('getent', 'group', check['members'])
    if check['are'] is None:
        if code == 0:
            raise Failure(f'group {check["members"]} resolves: {out}')
        return
    members = [m for m in out.strip().split(':')[-1].split(',') if m] if code == 0 else None
    if members is None or sorted(members) != sorted(check['are']):
        raise Failure(f'members of {check["members"]} are {members}, wanted {check["are"]}')


def contains(shown, wanted):
    """Whether the named fields are as wanted; lists of objects field by field."""
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(key in shown and contains(shown[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(shown, list) and len(shown) == len(wanted) and all(map(contains, shown, wanted))
    return shown == wanted


def check_show(kind, check):
    code, shown, _ = ctl(kind, 'show', check[kind])
    resolves = run('getent', 'passwd' if kind == 'user' else 'group', check[kind])[0] == 0
    if check['is'] is None:
        # A local account of that name may resolve; what must not is the directory's.
        if code == 0:
            raise Failure(f'{kind} {check[kind]} is shown: {shown}')
        if 'owner' in shown:
            raise Failure(f'{kind} {check[kind]} has an owner: {shown}')
        return
    if code != 0 or not contains(shown, check['is']):
        raise Failure(f'{kind} show {check[kind]}: exit {code}: {shown}, wanted {check["is"]}')
    if not resolves:
        raise Failure(f'{kind} {check[kind]} is shown but does not resolve')


def check_do(check):
    code, shown, err = ctl(*check['do'], text=check.get('input'))
    if code != check['exit'] or not contains(shown, check.get('is', {})):
        raise Failure(f'{" ".join(check["do"])}: exit {code}: {shown} {err}, wanted exit {check["exit"]} {check.get("is", "")}')


def check_passwd(check):
    """{"passwd": NAME-OR-ID, "is": LINE-PATTERN or null}: a line of getent passwd, as a regular expression."""
    kind = 'passwd' if 'passwd' in check else 'getent-group'
    code, out, _ = run('getent', 'passwd' if kind == 'passwd' else 'group', str(check[kind]))
    if check['is'] is None:
        if code == 0:
            raise Failure(f'getent {check[kind]}: {out}')
    elif code != 0 or not re.fullmatch(check['is'], out.strip()):
        raise Failure(f'getent {check[kind]}: {out!r}, wanted {check["is"]!r}')


def check_local(check):
    """{"local": ["useradd", …]}: the administrator changes the local account files."""
    code, out, err = run(*check['local'])
    if code != 0:
        raise Failure(f'{check["local"]}: {out}{err}')
    time.sleep(check.get('wait', 1.0))


def switch_off(world, directory):
    world['directories'][directory].setdefault('settings', {})['active'] = 'no'
    CONF.write_text(configuration(world, True))
    must('reload')


KINDS = (('login', check_login), ('login-first', check_first), ('groups', check_groups), ('members', check_members), ('do', check_do),
         ('passwd', check_passwd), ('getent-group', check_passwd), ('local', check_local), ('server', lambda check: check_server(check)))


def run_check(world, check):
    if 'user' in check:
        check_show('user', check)
    elif 'group' in check:
        check_show('group', check)
    elif 'switch_off' in check:
        switch_off(world, check['switch_off'])
    else:
        for key, function in KINDS:
            if key in check:
                return function(check)
        raise Failure(f'an unknown check: {check}')


def is_for_this_version(world):
    return all((d.get('type', 'internal') in ('internal', 'delegated') or 'server' in d) for d in world['directories'].values()) and 'seats' not in json.dumps(world)


SERVERS = pathlib.Path(__file__).resolve().parent.parent / 'servers'
SLAPD = pathlib.Path(os.environ.get('MULTIDIR_TOP', '/tmp')) / 'scenario-slapd'


def slapd(*args, text=None):
    code, out, err = run(str(SERVERS / 'slapd.sh'), *args, text=text)
    if code != 0:
        raise Failure(f'slapd.sh {" ".join(args)}: exit {code}: {out}{err}')


def start_server(world):
    """The LDAP server of the directories that name a seed ("server": "people"). One for all of them. Whether there is one."""
    seeds = {d['server'] for d in world['directories'].values() if 'server' in d}
    if not seeds:
        return False
    slapd('wipe', str(SLAPD))
    slapd('start', str(SLAPD), '3389', '3636', str(SERVERS / 'seeds' / f'{seeds.pop()}.ldif'))
    secrets = pathlib.Path('/etc/multidir/secrets')
    secrets.mkdir(mode=0o700, exist_ok=True)
    for directory in world['directories'].values():
        if 'server' not in directory:
            continue
        account = 'admin' if directory.get('type') == 'ldap' else 'reader'  # who may change entries, or only read them
        secret = secrets / account
        secret.touch(0o600)
        secret.write_text(f'{account}-pw\n')
        directory['settings'] = {'preset': 'openldap', 'uri': 'ldap://127.0.0.1:3389', 'insecure_plaintext': 'yes', 'base': 'dc=example,dc=org', 'user_name': 'uid',
                                 'bind_dn': f'cn={account},dc=example,dc=org', 'bind_password_file': str(secret), **directory.get('settings', {})}
        if account == 'admin':
            directory['settings'] = {'user_rdn': 'uid', 'user_base': 'ou=people', 'group_base': 'ou=groups', **directory['settings']}
    return True


def check_server(check):
    """{"server": LDIF}: what changes at the server; {"server": "stop"}, {"server": "start"}."""
    if check['server'] == 'stop':
        slapd('stop', str(SLAPD))
    elif check['server'] == 'start':
        slapd('start', str(SLAPD), '3389', '3636')
    else:
        slapd('change', str(SLAPD), text=check['server'])


# With --ldap, and why not. What asks for ids needs a schema that its users do not have.
NOT_AT_A_SERVER = {
    '102-clear-fields': 'free attributes', '66-mixed-change': 'free attributes', '84-mapping-bundle': 'free attributes', '74-view-diff': 'a shell',
    '103-names-of-all-kinds': 'a server folds letters outside ASCII too', '104-longest-name': 'longer than OpenLDAP takes', '41-refused-names': 'the same',
    '116-profiles': 'external_writes', '69-external-writes': 'external_writes', '131-long-password': 'crypt(5) has no part in it',
    '111-lists': 'says the type',
}
NEEDS_A_SCHEMA = ('ids', '"uid"', '"gid"', '"home"', '"shell"', '--uid', '--gid', 'id_range', 'import')


def move_to_server(world, name, where):
    """The internal directories of a world, each below a branch of its own of one LDAP server: "first" or "last" of the order, or "all"."""
    text = json.dumps(world)
    order = world['applications']['host']['directories']
    chosen = list(world['directories']) if where == 'all' else [order[0 if where == 'first' else -1]]
    if any('type' in directory for directory in world['directories'].values()) or name in NOT_AT_A_SERVER or any(word in text for word in NEEDS_A_SCHEMA):
        return False
    seed = 'dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n'
    for directory in chosen:
        for branch in (directory, f'groups-{directory}'):
            seed += f'dn: ou={branch},dc=example,dc=org\nobjectClass: organizationalUnit\nou: {branch}\n\n'
        content = world['directories'][directory]
        # An empty one is no sign of anything here.
        content['settings'] = {'user_base': f'ou={directory}', 'group_base': f'ou=groups-{directory}', 'shrink_guard': '100', **content.get('settings', {})}
        content.update(type='ldap', server=str(SLAPD.parent / 'scenario-seed'))
    (SLAPD.parent / 'scenario-seed.ldif').write_text(seed)
    return True


def run_scenario(path, where):
    world = json.loads(path.read_text())
    if not is_for_this_version(world) or (where and not move_to_server(world, path.stem, where)):
        return 'skipped'
    run('rm', '-rf', str(STATE))
    run('rm', '-rf', '/etc/multidir/multidir.conf.d')
    pathlib.Path('/etc/multidir/multidir.conf.d').mkdir()
    server = start_server(world)
    CONF.write_text(configuration(world, False))
    CONF.chmod(0o644)
    service = Service()
    undo = world.get('undo', [])
    try:
        service.start()
        fill(world)
        if configuration(world, True) != configuration(world, False):
            CONF.write_text(configuration(world, True))
            must('reload')
        for number, check in enumerate(world['checks'], 1):
            try:
                run_check(world, check)
            except Failure as failure:
                raise Failure(f'check {number}: {failure}')
    finally:
        service.stop()
        if server:
            slapd('stop', str(SLAPD))
        for command in undo:
            run(*command)
    return 'ok'


def use_multidir():
    """passwd and group look-ups go on to multidir. Done by hand: `multidirctl enable` is tested by logins.sh, and the state folder is wiped here."""
    path = pathlib.Path('/etc/nsswitch.conf')
    path.write_text(re.sub(r'^(passwd|group):\s*files.*$', r'\1: files multidir', path.read_text(), flags=re.M))


def main():
    use_multidir()
    paths, where = [], None
    for argument in sys.argv[1:]:
        if argument.startswith('--ldap='):
            where = argument.removeprefix('--ldap=')
            continue
        path = pathlib.Path(argument)
        paths += sorted(path.glob('*.json')) if path.is_dir() else [path]
    counts = {'ok': 0, 'failed': 0, 'skipped': 0}
    for path in paths:
        started = time.monotonic()
        try:
            outcome = run_scenario(path, where)
            print(f'{"ok" if outcome == "ok" else "skipped"} - scenario {path.name} ({time.monotonic() - started:.1f} s)', flush=True)
        except (Failure, subprocess.TimeoutExpired) as failure:
            outcome = 'failed'
            print(f'not ok - scenario {path.name}: {failure}', flush=True)
        counts[outcome] += 1
    print(f'{counts["ok"]} passed, {counts["failed"]} failed' + (f', {counts["skipped"]} skipped' if counts['skipped'] else ''))
    sys.exit(1 if counts['failed'] else 0)


main()
