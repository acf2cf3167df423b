"""What a server computes, and tells of to nobody (D2): users by their memberOf, and groups whose members are what a search finds."""
import os
import time

from ldap_bed import *

UNIX = 'cn=unix,ou=groups,dc=example,dc=org'
BY_GROUP = 'user_base = ou=people\nrefresh = 3s\nshrink_guard = 100\ngroup_filter = (objectClass=groupOfNames)\ngroup_member = member\n' \
           f'user_filter = (&(objectClass=inetOrgPerson)(|(MEMBEROF={UNIX})(memberOf;x-no=x)))'
BY_SEARCH = 'user_base = ou=people\nrefresh = 3s\nshrink_guard = 100\ngroup_filter = (|(objectClass=groupOfNames)(objectClass=groupOfURLs))\ngroup_member = member'
DYNLIST = 'moduleload dynlist\ninclude /etc/ldap/schema/dyngroup.schema\noverlay dynlist\ndynlist-attrset groupOfURLs memberURL member\n'


def group(name, *members):
    return (f'dn: cn={name},ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n' +
            ''.join(f'member: uid={one},ou=people,dc=example,dc=org\n' for one in members) + '\n')


def member(what, name):
    return f'dn: {UNIX}\nchangetype: modify\n{what}: member\nmember: uid={name},ou=people,dc=example,dc=org\n\n'


def in_department(name, number):
    return f'dn: uid={name},ou=people,dc=example,dc=org\nchangetype: modify\nreplace: departmentNumber\ndepartmentNumber: {number}\n\n'


def groups(name):
    answer = admin('user show', user=name)
    return sorted(answer['object'].get('groups', [])) if answer['exit'] == 0 else None


def becomes(name, wanted, limit=10):
    wait_for(lambda: groups(name) == wanted, limit, 0.1)
    return groups(name)


def kept(word, limit=10):
    wait_for(lambda: row().get('kept_by') == word, limit, 0.1)
    return row().get('kept_by')


make_ldap()
slapd('change', stdin=person('rita') + person('rolf') + person('zed') + group('unix', 'rita', 'rolf'))
configure(one_directory(more=BY_GROUP))
service = started()
check('a user_filter by memberOf: it is asked, and not watched', kept('changes'), 'changes')
check('who is in the group is there', (groups('rita'), groups('rolf'), groups('zed')), (['unix'], ['unix'], None))
slapd('change', stdin=member('delete', 'rolf'))
check('D2: who is taken out of it is gone at the next refresh', becomes('rolf', None), None)
slapd('change', stdin=member('add', 'zed'))
check('D2: who is put into it is there', becomes('zed', ['unix']), ['unix'])
check('... and it is asked again', (kept('changes'), groups('rita')), ('changes', ['unix']))
service.stop()
slapd('wipe')

(TOP / 'dyn.conf').write_text(DYNLIST)
os.environ['SLAPD_EXTRA'] = str(TOP / 'dyn.conf')
slapd('start', PORT, SPORT)
slapd('change', stdin=person('dora') + person('rita') + in_department('dora', 7) + group('unix', 'rita'))
configure(one_directory(more=BY_SEARCH))
service = started()
check('without a dynamic group it is watched', kept('watch'), 'watch')
slapd('change', stdin='dn: cn=dyn,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfURLs\ncn: dyn\n'
      'memberURL: ldap:///ou=people,dc=example,dc=org??sub?(departmentNumber=7)\n\n')
check('a dynamic group is made: it is there with its member', becomes('dora', ['dyn']), ['dyn'])
check('... and everything is read each time', kept('full'), 'full')
slapd('change', stdin=in_department('dora', 8) + in_department('rita', 7))
check('D2: who leaves it by an attribute is out at the next refresh', becomes('dora', []), [])
check('D2: ... who comes into it so is in', becomes('rita', ['dyn', 'unix']), ['dyn', 'unix'])
check('... the same after another start', (service.stop(), (service := started()), kept('full'))[2], 'full')
slapd('change', stdin='dn: cn=dyn,ou=groups,dc=example,dc=org\nchangetype: delete\n\n')
check('the dynamic group is removed: it is watched again', (becomes('rita', ['unix']), kept('watch')), (['unix'], 'watch'))
service.stop()
slapd('stop')
done()
