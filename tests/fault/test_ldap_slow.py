"""A server that takes 1.5 s for every bind: many logins at once wait for it side by side, and those of another directory do not wait."""
import concurrent.futures
import statistics
import subprocess
import time

from ldap_bed import *

SLOW = 3891
MANY = 60

make_ldap()
slow = subprocess.Popen(['python3', SERVERS / 'slow.py', str(SLOW), str(PORT), '1.5'])
configure(above_local(PEOPLE.format(name='people', uri=f'ldap://127.0.0.1:{SLOW}')))
service = started()
must('user add', directory='local', user='lorelei', password='lorelei-pw')
check('one login', wait_for(lambda: reason('alice', 'alice-pw') == 'ok', 20))
# Eight at a time, as many as a quick server gets, would be 11 s: past login_deadline (8 s).
with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
    storm = [pool.submit(timed, reason, 'alice', 'alice-pw') for _ in range(MANY)]
    time.sleep(0.5)
    others = [timed(reason, 'lorelei', 'lorelei-pw') for _ in range(10)]
    check('the storm goes on meanwhile', any(not one.done() for one in storm))
    together = [one.result() for one in storm]
check('many at once are all let in', {r: [one for one, _ in together].count(r) for r, _ in together}, {'ok': MANY})
check('... side by side', max(took for _, took in together) < 7)
check("another directory's logins are let in meanwhile", {answer for answer, _ in others}, {'ok'})
check('... and do not wait', statistics.median(took for _, took in others) < 0.7)
check('no more workers than there is a use for', len(service.workers('people')) <= MANY + 1) # and the one that watches
print(f'# slowest of {MANY}: {max(took for _, took in together):.1f} s, {len(service.workers("people"))} workers; the others: {statistics.median(took for _, took in others) * 1000:.0f} ms')
service.stop()
check('nothing is left running', wait_for(lambda: not children(service.pid)))
slow.terminate()
slapd('stop')
done()
