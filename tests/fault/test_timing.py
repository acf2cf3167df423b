"""L9: how long a denial takes does not tell whether there is such a user, which hash they have, or why it is a denial."""
import random
import statistics
import time

from bed import *

PEOPLE = 8
HASHES = {
    'default': '$y$j9T$abcdefghijklmnopqrstu0$7S6PStSQ1IMp7zJ5HFfsqtG8v3aeQIvgTDlqJo718x8',
    'cheap': '$6$abcdefgh$vR/yd6VXABFTBRyOupJyJyD09twBc54Fjx1W8tzKdqxOfohxeZRb508btnHrxVQLY86b/u4pA/7OgxagBH8130',
    'dear': '$2b$10$abcdefghijklmnopqrstuu1VS0P7v3ZJmd2gzBFIzgfN7OOl6Rl52',
}  # each of "right"

make()
service = started()


def bring_in(directory, rows):
    with connect(RUN / 'admin.sock') as peer:
        admin_on(peer, 'import begin', kind='user', directory=directory)
        admin_on(peer, 'import rows', rows=[{'line': number + 1, **row} for number, row in enumerate(rows)])
        reply = admin_on(peer, 'import end')
    if reply['exit'] != 0:
        raise RuntimeError(reply)


rows = [{'name': f'{kind}{i}', 'hash': value} for kind, value in HASHES.items() for i in range(PEOPLE)]
rows += [{'name': f'unset{i}'} for i in range(PEOPLE)]
rows += [{'name': f'inactive{i}', 'hash': HASHES['default'], 'active': False} for i in range(PEOPLE)]
bring_in('d1', rows)
bring_in('d2', [{'name': f'outside{i}', 'hash': HASHES['default']} for i in range(PEOPLE)])

# The dearest hash is known once it was checked.
check('the dear hash works', reason('dear0', 'right'), 'ok')
tries = [(kind, f'{kind}{i}', 'wrong') for kind in (*HASHES, 'unset', 'inactive', 'outside', 'nobody') for i in range(PEOPLE)] * 3
tries += [(f'{kind}, right password', f'{kind}{i}', 'right') for kind in ('inactive', 'outside') for i in range(PEOPLE)]
random.Random(9).shuffle(tries)
took = {}
for kind, user, password in tries:
    began = time.monotonic()
    answer = reason(user, password)
    took.setdefault(kind, []).append((time.monotonic() - began) * 1000)
    if answer not in ('wrong-password', 'user-not-found'):
        check(f'{kind}: denied', answer, 'wrong-password')
medians = {kind: statistics.median(values) for kind, values in sorted(took.items())}
print('# ' + ', '.join(f'{kind}: {value:.1f} ms' for kind, value in medians.items()), flush=True)
# A busy machine slows the checks down while this runs, and the pace with them; without it the dear hash takes more than twice as long as the others.
check('L9 denials take the same time', max(medians.values()) / min(medians.values()), lambda ratio: ratio < 1.3)
check('... each longer than the dearest check', min(medians.values()), lambda value: value >= 100)
began = time.monotonic()
check('a success is not held up', reason('default0', 'right'), 'ok')
check('... by the pace', time.monotonic() - began, lambda value: value < min(medians.values()) / 1000)
service.stop()
done()
