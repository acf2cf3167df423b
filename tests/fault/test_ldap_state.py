"""A server that does not answer the question for what computes the state of accounts (L3): it is none that hangs. The directory is read, watched, and kept.

Relies on: bed.py, ldap_bed.py; slapd.
Must never: touch the host's /etc, /run or /var/lib.
"""
from ldap_bed import *

FRONT = 3899


class Forgetful(Between):
    """Keeps that question to itself."""
    asked = 0

    def take(self, message, server, deaf):
        if b'cosAttribute' in message:
            Forgetful.asked += 1
        else:
            super().take(message, server, deaf)


make_ldap()
front = Forgetful(FRONT)
configure(one_directory().replace(str(PORT), str(FRONT)))
service = Service()
check('the directory is read all the same', wait_for(lambda: service.wait_ready(1) and row().get('kept_by') == 'watch', 40, 0.2))
slapd('change', stdin=person('nina'))
check('... and changes come', shown('nina'))
asked = front.asked
check('the question comes again in a watch', asked > 0 and wait_for(lambda: front.asked > asked, 40, 0.2))
slapd('change', stdin=person('nils'))
check('... which goes on', (shown('nils', limit=6), row().get('kept_by'), 'watched anew' in service.text()), (True, 'watch', False))
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slapd('stop')
done()
