/* The compiler, rule by rule: small worlds, and what their view must hold. The script language is in compile_world.h.
 * Relies on: compile_world. Every view built here is also checked for what must hold of any view (M5, I4, N4, I3, N1).
 * Must never: take an expected value from the compiler itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "unit/compile_world.h"

struct row { const char *rule, *script; };

#define A "dir A ids=attribute\n"
#define B "dir B ids=attribute\n"
#define AB A B "app host A+,B+\n"

static const struct row names[] = {
        { "N1 one spelling, lower by default", A "app host A+\nuser A JSmith uid=2000\ngroup A Ops gid=3000 users=JSmith\nbuild\n"
          "is jsmith name=jsmith uid=2000 groups=ops\nhas OPS name=ops members=jsmith\n" },
        { "N1 name_case = preserve is the owner's spelling", "dir A ids=attribute case=preserve\napp host A+\nuser A JSmith uid=2000\nbuild\nis jsmith name=JSmith\n" },
        { "N1 the owner's name_case decides, not the copy's", "dir A ids=attribute case=preserve\n" B "app host A+,B+\nuser A Ann uid=2000\nuser B ANN uid=2001\nbuild\n"
          "is ann name=Ann uid=2000\nrow user ANN B masked A\n" },
        { "N2 names that fold together are both refused", A "app host A+\nuser A Ann uid=2000\nuser A ann uid=2001\nuser A bob uid=2002\nbuild\n"
          "no user ann invalid-name\nrow user Ann A invalid-name\nis bob uid=2002\n" },
        { "N2 an ambiguous owner hides the lower directory's user", AB "user A Ann uid=2000\nuser A ANN uid=2001\nuser B ann uid=2002\nbuild\n"
          "no user ann masked A\nrow user Ann A invalid-name\nrow user ANN A invalid-name\n" },
        { "N2 ambiguous groups are both refused and grant nothing", A "app host A+\nuser A ann uid=2000\ngroup A Ops gid=3000 users=ann\ngroup A ops gid=3001\n"
          "group A all gid=3002 groups=Ops\nbuild\nno group ops invalid-name\nis ann groups=-\nhas all members=-\n" },
        { "N3 refused names, each with its reason", A "app host A+\nuser A -dash uid=2000\nuser A 123 uid=2001\nuser A a:b uid=2002\nuser A a/b uid=2003\n"
          "user A a%2cb uid=2004\nuser A %20a uid=2005\nuser A .. uid=2006\nuser A a%01b uid=2007\nuser A a%ffb uid=2008\ngroup A a/b gid=3000\nbuild\n"
          "no user -dash invalid-name\nno user 123 invalid-name\nno user a/b invalid-name\nrow user a%01b A invalid-name\nrow user a%ffb A invalid-name\n"
          "row user a:b A invalid-name\nrow user a%2cb A invalid-name\nrow user %20a A invalid-name\nno user .. invalid-name\nhas a/b gid=3000\n" },
        { "N3 a refused name in the owner does not let the lower one appear", AB "user A 123 uid=2000\nuser B 123 uid=2001\nbuild\nno user 123 invalid-name\n" },
        { "N4 a local user's name, for users and groups", A "app host A+\npasswd ann:x:1500:1500::/:/bin/sh\nuser A ANN uid=2000\ngroup A ann gid=3000\nbuild\n"
          "no user ANN local-account\nno group ann local-account\n" },
        { "N4 a local group's name, for users and groups", A "app host A+\ngroup-file ops:x:1500:\nuser A ops uid=2000\ngroup A Ops gid=3000\nbuild\n"
          "no user ops local-account\nno group Ops local-account\n" },
        { "N4 reserved names even when absent locally", A "app host A+\nuser A root uid=2000\nuser A Docker uid=2001\nuser A systemd-any uid=2002\n"
          "group A sudo gid=3000\ngroup A wheel gid=3001\nuser A ann uid=2003\nbuild\n"
          "no user root reserved-name\nno user Docker reserved-name\nno user systemd-any reserved-name\nno group sudo reserved-name\nno group wheel reserved-name\nis ann uid=2003\n" },
        { "N4 a refused group is not shown, but nesting goes through it", A "app host A+\nuser A ann uid=2000\ngroup A docker gid=3000 users=ann\n"
          "group A ops gid=3001 groups=docker\nbuild\nno group docker reserved-name\nhas ops members=ann\nis ann groups=ops\n" },
        { "N5 gecos", A "app host A+\nuser A ann uid=2000 gecos=Ann%0a:Smith%c3%a9\nbuild\nis ann gecos=Ann%20%20Smith%c3%a9\n" },
        { "N5 home and shell: the entry's, or the default, and masked says so", A "app host A+\nuser A ann uid=2000 home=/srv/ann shell=/bin/zsh\n"
          "user A bob uid=2001 home=relative\nuser A cat uid=2002 home=/a/../b shell=/bin/a%3ab\nuser A dan uid=2003\nbuild\n"
          "is ann home=/srv/ann shell=/bin/zsh\nis bob home=/home/bob\nis cat home=/home/cat shell=/bin/bash\nis dan home=/home/dan\n"
          "note user bob\nnote user cat\n" },
        { "N5 the default home names user and directory", "dir A ids=attribute home=/h/%25d/%25u\napp host A+\nuser A Ann uid=2000\nbuild\nis ann home=/h/A/ann\n" },
        { "N5 SSH keys are one line each", A "app host A+\nuser A ann uid=2000 key=ssh-ed25519%20AAAA%0assh-rsa%20BBBB%20c\nuser A bob uid=2001 key=rm%20-rf\nbuild\n"
          "is ann keys=2\nis bob keys=0\nnote user bob\n" },
};

static const struct row orders[] = {
        { "owner: the first directory that has the user", AB "user A ann uid=2000\nuser B Ann uid=2001\nuser B bob uid=2002\nbuild\n"
          "is ann uid=2000\nis bob uid=2002\nrow user Ann B masked A\n" },
        { "owner: the application's order, not the file's", A B "app host B+,A+\nuser A ann uid=2000\nuser B ann uid=2001\nbuild\nis ann uid=2001\n" },
        { "a switched-off directory takes part in nothing", "dir A ids=attribute active=no\n" B "app host A+,B+\nuser A ann uid=2000\nuser B ann uid=2001\nbuild\nis ann uid=2001\n" },
        { "a refused owner hides the lower user (I3)", AB "user A ann uid=5\nuser B ann uid=2001\nbuild\nno user ann id-conflict\nrow user ann B masked A\n" },
        { "a refused owner hides the lower group", AB "group A ops gid=5\ngroup B ops gid=3000\nbuild\nno group ops id-conflict\n" },
        { "D6 nothing below a directory without a replica", "dir A ids=attribute complete=no\n" B "app host A+,B+\nuser B ann uid=2001\ngroup B ops gid=3000\nbuild\n"
          "no user ann unavailable A\nno group ops unavailable A\n" },
        { "D6 what is above it stays", A "dir B ids=attribute complete=no\ndir C ids=attribute\napp host A+,B+,C+\nuser A ann uid=2000\nuser C bob uid=2001\nbuild\n"
          "is ann uid=2000\nno user bob unavailable B\n" },
        { "D6 on_unavailable = next goes on", "dir A ids=attribute complete=no unavailable=next\n" B "app host A+,B+\nuser B ann uid=2001\nbuild\nis ann uid=2001\n" },
        { "D6 a switched-off directory without a replica stops nothing", "dir A complete=no active=no\n" B "app host A+,B+\nuser B ann uid=2001\nbuild\nis ann uid=2001\n" },
        { "publish = with-access: only whom L4 lets in", A B "app host A:ops,B publish=with-access\nuser A ann uid=2000 active=no\nuser A bob uid=2001\nuser B cat uid=2002\n"
          "group A ops gid=3000 users=ann\ngroup A all gid=3001 users=bob,ann\nbuild\nis ann uid=2000\nno user bob no-access\nno user cat no-access\nhas all members=ann\n" },
};

static const struct row memberships[] = {
        { "M1 nesting, unlimited, and a cycle", A "app host A+\nuser A ann uid=2000\ngroup A a gid=3000 users=ann groups=c\ngroup A b gid=3001 groups=a\n"
          "group A c gid=3002 groups=b\nbuild\nis ann groups=a,b,c\nhas c members=ann\n" },
        { "M1 nesting never crosses directories", AB "user A ann uid=2000\ngroup A x gid=3000 users=ann\ngroup B x gid=3001\ngroup B y gid=3002 groups=x\nbuild\n"
          "is ann groups=x\nhas y members=-\n" },
        { "M1 nested_groups = no", "dir A ids=attribute nested=no\napp host A+\nuser A ann uid=2000\ngroup A a gid=3000 users=ann\ngroup A b gid=3001 groups=a\nbuild\n"
          "is ann groups=a\nhas b members=-\n" },
        { "M2 non-aggregating: the owner's groups only", AB "user A ann uid=2000\nuser B ann uid=2001\ngroup A a gid=3000 users=ann\ngroup B b gid=3001 users=ann\nbuild\n"
          "is ann groups=a\nhas b members=-\n" },
        { "M3 aggregating: the union by name", A B "app host A+,B+ membership=aggregating\nuser A Ann uid=2000\nuser B ANN uid=2001\ngroup A a gid=3000 users=Ann\n"
          "group B b gid=3001 users=ANN\ngroup B c gid=3002 groups=b\nbuild\nis ann groups=a,b,c\nhas b members=ann\n" },
        { "M3 a copy is not looked for below D6's stop", A "dir B complete=no\ndir C ids=attribute\napp host A+,B+,C+ membership=aggregating\nuser A ann uid=2000\nuser C ann uid=2001\n"
          "group C c gid=3000 users=ann\ngroup A c gid=3001\nbuild\nis ann groups=-\n" },
        { "M4 same-named groups are one, members from their own owners", AB "user A ann uid=2000\nuser B ann uid=2001\nuser B bob uid=2002\n"
          "group A ops gid=3000\ngroup B OPS gid=3001 users=ann,bob\nbuild\nhas ops gid=3000 members=bob\nis ann groups=-\nis bob groups=ops\nrow group OPS B masked A\n" },
        { "M4 aggregating: plain union", A B "app host A+,B+ membership=aggregating\nuser A ann uid=2000\nuser B ann uid=2001\nuser B bob uid=2002\n"
          "group A ops gid=3000\ngroup B ops gid=3001 users=ann,bob\nbuild\nhas ops gid=3000 members=ann,bob\n" },
        { "M4 aggregating: a user that both copies of a group name is in it once", A B "app host A+,B+ membership=aggregating\nuser A ann uid=2000\nuser B ann uid=2001\n"
          "group A ops gid=3000 users=ann\ngroup B ops gid=3001 users=ann\nbuild\nhas ops members=ann\nis ann groups=ops\n" },
        { "M4 unpublished users are not listed", A "app host A+\nuser A root uid=2000\nuser A bob uid=2001\ngroup A ops gid=3000 users=root,bob\nbuild\nhas ops members=bob\n" },
        { "M6 an inactive user stays a member", A "app host A+\nuser A ann uid=2000 active=no\ngroup A ops gid=3000 users=ann\nbuild\nhas ops members=ann\n" },
        { "M6 inactive groups count by default", A "app host A+\nuser A ann uid=2000\ngroup A ops gid=3000 users=ann active=no\nbuild\nhas ops members=ann\n" },
        { "M6 ignore_inactive_groups", "dir A ids=attribute inactive-groups=ignore\napp host A+\nuser A ann uid=2000\ngroup A ops gid=3000 users=ann active=no\n"
          "group A all gid=3001 groups=ops\nbuild\nhas ops members=-\nhas all members=-\n" },
        { "M7 attributes come whole from the owner", AB "user A ann uid=2000 gecos=Ann\nuser B ann uid=2001 gecos=Other home=/other\nbuild\nis ann gecos=Ann home=/home/ann\n" },
        { "M9 the gid number is a membership", A "app host A+\nuser A ann uid=2000 gid=3000\ngroup A ops gid=3000\nbuild\nis ann gid=3000 groups=ops private=no\nhas ops members=ann\n" },
        { "M10 translated through the owner, by name to the view's id", AB "user B bob uid=2000 gid=3001\ngroup A ops gid=3000\ngroup B ops gid=3001\nbuild\nis bob gid=3000 groups=ops\n" },
        { "M10 another directory's number means nothing", AB "user B bob uid=2000 gid=3000\ngroup A ops gid=3000\nbuild\nis bob gid=2000 private=yes groups=-\n" },
        { "M10 a refused group's number falls to the private group", A "app host A+\nuser A ann uid=2000 gid=27\ngroup A sudo gid=27 users=ann\nbuild\nis ann gid=2000 private=yes\n" },
        { "M10 primary_group", "dir A ids=attribute primary=Staffers\napp host A+\nuser A ann uid=2000\ngroup A staffers gid=3000\nbuild\nis ann gid=3000 private=no groups=-\nhas staffers members=-\n" },
        { "M10 primary_group that is not published: private", "dir A ids=attribute primary=sudo\napp host A+\nuser A ann uid=2000\ngroup A sudo gid=3000\nbuild\nis ann gid=2000 private=yes\n" },
        { "M10 a private group is found by name and id and lists nobody", A "app host A+\nuser A ann uid=2000\nbuild\nis ann private=yes gid=2000 groups=-\nhas ann gid=2000 members=-\n" },
        { "M10 a published group has the name", A "app host A+\nuser A ann uid=2000\ngroup A Ann gid=3000 users=ann\nbuild\nno user ann id-conflict\nhas ann gid=3000 members=-\n" },
        { "M10 a published group has the id", A "app host A+\nuser A ann uid=2000\ngroup A ops gid=2000\nbuild\nno user ann id-conflict\nhas ops gid=2000\n" },
        { "M10 accept does not give a user a published group's id", A "app host A+\nuser A ann uid=2000\ngroup A ops gid=2000\naccept user ann\nbuild\nno user ann id-conflict\n" },
        { "M10 nor its name", A "app host A+\nuser A ann uid=2000\ngroup A ann gid=3000\naccept user ann\nbuild\nno user ann id-conflict\nhas ann gid=3000\n" },
        { "M10 with a primary group of its own neither matters", A "app host A+\nuser A ann uid=2000 gid=3000\ngroup A ann gid=3000\ngroup A ops gid=2000\nbuild\nis ann uid=2000 gid=3000\nhas ops gid=2000\n" },
        { "M10 a local group has the id", A "app host A+\ngroup-file ops:x:2000:\nuser A ann uid=2000\nbuild\nno user ann id-conflict\n" },
        { "M11 local_groups count members of the owner directory, nested", A B "app host A+,B+ local=A/admins:sudo\ngroup-file sudo:x:27:\n"
          "user A ann uid=2000\nuser A bob uid=2001\nuser B ann uid=2002\nuser B cat uid=2003\ngroup A inner gid=3000 users=ann\ngroup A admins gid=3001 groups=inner\n"
          "group B admins gid=3002 users=cat\nbuild\nis ann local=27 groups=admins,inner\nis bob local=-\nis cat local=- groups=admins\nno group sudo\n" },
        { "N4 local_groups: only users whose owner is that directory", A B "app host A+,B+ membership=aggregating local=B/admins:sudo\ngroup-file sudo:x:27:\n"
          "user A ann uid=2000\nuser B ann uid=2001\nuser B bob uid=2002\ngroup B admins gid=3000 users=ann,bob\nbuild\nis ann local=- groups=admins\nis bob local=27\n" },
        { "N4 local_groups: gid 0 is refused", A "app host A+ local=A/admins:root\ngroup-file root:x:0:\nuser A ann uid=2000\ngroup A admins gid=3000 users=ann\nbuild\nis ann local=-\n" },
        { "N4 local_groups: a missing group grants nothing", A "app host A+ local=A/none:sudo,A/admins:nosuch\ngroup-file sudo:x:27:\nuser A ann uid=2000\ngroup A admins gid=3000 users=ann\nbuild\nis ann local=-\n" },
};

static const struct row ids[] = {
        { "I1 attribute: an entry without one is refused", A "app host A+\nuser A ann\ngroup A ops\nbuild\nno user ann id-conflict\nno group ops id-conflict\n" },
        { "I1 sid: SSSD's arithmetic", "dir A ids=sid\napp host A+\nuser A ann sid=S-1-5-21-1-2-3-1104\nuser A bob sid=S-1-5-21-1-2-3-1105\nuser A cat sid=nonsense\nbuild\nis ann private=yes\nis bob private=yes\nno user cat id-conflict\n" },
        { "M10 a RID is a number in the user's own domain", "dir A ids=sid\napp host A+\ngroup A one sid=S-1-5-21-1-2-3-513 gid=513\ngroup A two sid=S-1-5-21-4-5-6-513 gid=513\n"
          "user A ann sid=S-1-5-21-1-2-3-1104 gid=513\nuser A bob sid=S-1-5-21-4-5-6-1104 gid=513\nuser A cat sid=S-1-5-21-7-8-9-1104 gid=513\n"
          "build\nhas one gid=686200513\nhas two gid=1590800513\nis ann gid=686200513\nis bob gid=1590800513\nis cat private=yes\n" },
        { "I2 allocate: inside the range", "dir A range=5000-5003\napp host A+\nuser A a\nuser A b\nuser A c\ngroup A g\nuser A d\nbuild\nis a private=yes\nis b private=yes\nis c private=yes\n"
          "has g members=-\nno user d id-conflict\n" },
        { "I2 allocate: users and groups share one space", "dir A range=5000-5001\napp host A+\nuser A a\ngroup A g\nbuild\nis a private=yes\nhas g members=-\n" },
        { "I2 never reused: who is gone keeps the id", "dir A range=5000-5001\napp host A+\nuser A a\ngroup A g\nbuild\nnew\ndir A range=5000-5001\napp host A+\nuser A b\ngroup A h\nbuild\n"
          "no user b id-conflict\nno group h id-conflict\n" },
        { "I2 a collision is reported", "dir A range=5000-5001\napp host A+\nuser A a\nuser A b\nbuild\nis a private=yes\nis b private=yes\n" },
        { "I2 same-named groups of several directories share the owner's id", A "dir B\napp host A+,B+\ngroup A ops gid=3000\ngroup B ops\nbuild\nhas ops gid=3000\n" },
        { "I3 refused ranges", A "app host A+\nsubuid x:100000:65536\npasswd loc:x:4000:4001::/:/bin/sh\nuser A a uid=999\nuser A b uid=60000\nuser A c uid=65535\nuser A d uid=2147483648\n"
          "user A e uid=100001\nuser A f uid=4000\nuser A g uid=4001\nuser A h uid=1000\nuser A i uid=65536\nuser A j uid=59999\nuser A k uid=2147483647\nbuild\nno user a id-conflict\n"
          "no user b id-conflict\nno user c id-conflict\nno user d id-conflict\nno user e id-conflict\nno user f id-conflict\nno user g id-conflict\nis h uid=1000\nis i uid=65536\nis j uid=59999\nis k uid=2147483647\n" },
        { "I3 min_id and id_range", "dir A ids=attribute min=2000 range=1500-3000\napp host A+\nuser A a uid=1600\nuser A b uid=2000\nuser A c uid=3001\nbuild\nno user a id-conflict\nis b uid=2000\nno user c id-conflict\n" },
        { "I4 two claim one id: the lower directory's is refused", AB "user A ann uid=2000\nuser B bob uid=2000\ngroup A a gid=3000\ngroup B b gid=3000\nbuild\n"
          "is ann uid=2000\nno user bob id-conflict A\nhas a gid=3000\nno group b id-conflict A\n" },
        { "I4 a masked copy claims nothing", AB "user A ann uid=2000\nuser B ann uid=2001\nuser B bob uid=2001\nbuild\nis bob uid=2001\n" },
        { "I4 a refused name claims nothing", AB "user A root uid=2001\nuser B bob uid=2001\nbuild\nis bob uid=2001\n" },
        { "I4 allocation keeps off attributes below it", "dir A range=5000-5001\n" B "app host A+,B+\nuser B bob uid=5000\nuser A ann\nbuild\nis bob uid=5000\nis ann uid=5001\n" },
};

static const struct row stability[] = {
        { "I5 a name that changes its owner is withheld until accept", A "app host A+\nuser A ann uid=2000\nbuild\nis ann uid=2000\nnew\n" AB
          "user A bob uid=2005\nuser B ann uid=2001\nbuild\nno user ann id-conflict\naccept user ANN\nbuild\nis ann uid=2001\nbuild\nis ann uid=2001\n" },
        { "I5 also when a higher directory takes it", B "app host B+\nuser B ann uid=2000\nbuild\nnew\n" AB "user A ann uid=2001\nuser B ann uid=2000\nbuild\n"
          "no user ann id-conflict\nrow user ann A id-conflict\nrow user ann B masked A\naccept user ann\nbuild\nis ann uid=2001\n" },
        { "I5 also with the same id", A "app host A+\nuser A ann uid=2000\nbuild\nnew\n" B "app host B+\nuser B ann uid=2000\nbuild\nno user ann id-conflict\n" },
        { "I5 groups too", A "app host A+\ngroup A ops gid=3000\nbuild\nnew\n" B "app host B+\ngroup B ops gid=3001\nbuild\nno group ops id-conflict\naccept user ops\nbuild\n"
          "no group ops id-conflict\naccept group ops\nbuild\nhas ops gid=3001\n" },
        { "I5 a withheld name comes back by itself with its owner", AB "user A ann uid=2000\nuser B ann uid=2001\nbuild\nis ann uid=2000\nnew\n" B "app host B+\nuser B ann uid=2001\n"
          "build\nno user ann id-conflict\nnew\n" AB "user A ann uid=2000\nuser B ann uid=2001\nbuild\nis ann uid=2000\n" },
        { "I5 an id known under another name is withheld", A "app host A+\nuser A ann uid=2000\nbuild\nnew\n" A "app host A+\nuser A eve uid=2000\nbuild\nno user eve id-conflict\n"
          "accept user eve\nbuild\nis eve uid=2000\nnew\n" A "app host A+\nuser A ann uid=2000\nbuild\nno user ann id-conflict\n" },
        { "I5 the known name keeps an id that two claim, whatever their order", A "app host A+\nuser A ann uid=2000\nbuild\nnew\n" A "app host A+\nuser A eve uid=2000\nuser A ann uid=2000\n"
          "build\nis ann uid=2000\nno user eve id-conflict\n" },
        { "I5 same directory, name and id, new entry: the same person", A "app host A+\nuser A ann uid=2000 entry=one\nbuild\nnew\n" A "app host A+\nuser A ann uid=2000 entry=two\nbuild\nis ann uid=2000\n" },
        { "I5 same directory and name, new entry with a new id: nobody's id changes hands", A "app host A+\nuser A ann uid=2000 entry=one\nbuild\nnew\n" A
          "app host A+\nuser A ann uid=2001 entry=two\nbuild\nis ann uid=2001\nnew\n" A "app host A+\nuser A ann uid=2001 entry=two\nuser A eve uid=2000 entry=e\nbuild\nno user eve id-conflict\n" },
        { "I5 the same with SIDs", "dir A ids=sid\napp host A+\nuser A ann sid=S-1-5-21-1-2-3-1104 entry=one\nbuild\nis ann private=yes\nnew\ndir A ids=sid\napp host A+\n"
          "user A ann sid=S-1-5-21-1-2-3-1105 entry=two\nbuild\nis ann private=yes\nnew\ndir A ids=sid\napp host A+\nuser A eve sid=S-1-5-21-1-2-3-1104 entry=three\nbuild\nno user eve id-conflict\n" },
        { "I3 an allocated id outside a new range waits for accept, which gives a new one", A "app host A+\nuser A ann uid=2000\ngroup A ops gid=2001\nbuild\nnew\ndir A range=5000-5001\napp host A+\n"
          "user A ann uid=2000\ngroup A ops gid=2001\nbuild\nno user ann id-conflict\nno group ops id-conflict\naccept user ann\naccept group ops\nbuild\nis ann private=yes\nhas ops members=-\n"
          "build\nis ann private=yes\nhas ops members=-\n" },
        { "I5 the same entry may change its number", A "app host A+\nuser A ann uid=2000\nbuild\nnew\n" A "app host A+\nuser A ann uid=2001\nbuild\nis ann uid=2001\nnew\n"
          A "app host A+\nuser A ann uid=2001\nuser A bob uid=2000\nbuild\nis ann uid=2001\nno user bob id-conflict\n" },
        { "I5 a renamed entry keeps its id (attribute)", A "app host A+\nuser A ann uid=2000 entry=one\nbuild\nnew\n" A "app host A+\nuser A anna uid=2000 entry=one\nbuild\nis anna uid=2000\n" },
        { "I5 a renamed entry keeps its id (allocate), a new entry under the old name gets another", "dir A range=5000-5999\napp host A+\nuser A ann entry=one\ngroup A ops entry=g\nbuild\n"
          "is ann private=yes\nnew\ndir A range=5000-5999\napp host A+\nuser A ann entry=two\nuser A anna entry=one\ngroup A ops2 entry=g\nbuild\n"
          "is anna private=yes\nis ann private=yes\nhas ops2 members=-\nbuild\nis ann private=yes\nis anna private=yes\n" },
        { "I5 allocate: an entry gone and made again has its id", "dir A range=5000-5999\napp host A+\nuser A ann entry=one\nbuild\nnew\ndir A range=5000-5999\napp host A+\nuser A ann entry=two\nbuild\nis ann private=yes\n" },
        { "I5 cross-kind: an attribute group may not take an allocated user's id", "dir A range=5000-5000\napp host A+\nuser A ann\nbuild\nis ann uid=5000\nnew\n"
          "dir A range=5000-5000\n" B "app host A+,B+\nuser A ann\ngroup B evil gid=5000\nbuild\nis ann uid=5000 private=yes\nno group evil id-conflict\n" },
        { "I5 a private group does not take another group's former gid", A "app host A+\ngroup A ops gid=2000\nbuild\nnew\n" A "app host A+\nuser A ann uid=2000\nbuild\nno user ann id-conflict\n"
          "accept user ann\nbuild\nis ann gid=2000 private=yes\nbuild\nis ann gid=2000 private=yes\n" },
        { "I5 nor its former name", A "app host A+\ngroup A ops gid=3000\nbuild\nnew\n" A "app host A+\nuser A ops uid=2000\nbuild\nno user ops id-conflict\nno group ops\n"
          "accept user ops\nbuild\nis ops gid=2000 private=yes\nbuild\nis ops gid=2000 private=yes\n" },
        { "I5 nor the name of a group that is withheld", A "app host A+\ngroup A ops gid=3000\nbuild\nnew\n" AB "group B ops gid=3000\nuser B ops uid=2000\nbuild\n"
          "no group ops id-conflict\nno user ops id-conflict\n" },
        { "I5 a directory's group of the user's name and id may become the private one", A "app host A+\nuser A ann uid=2000 gid=2000\ngroup A ann gid=2000\nbuild\nis ann private=no\nnew\n"
          A "app host A+\nuser A ann uid=2000\nbuild\nis ann gid=2000 private=yes\n" },
        { "I5 an accepted group keeps its allocated id under a new owner", "dir A range=5000-5999\ndir B range=5000-5999\napp host A+,B+\ngroup B ops\nuser B bob\nbuild\nnew\n"
          "dir A range=5000-5999\ndir B range=5000-5999\napp host A+,B+\ngroup A ops\ngroup B ops\nuser B bob\nbuild\nno group ops id-conflict\naccept group ops\nbuild\nhas ops members=-\n" },
        { "I5 accept holds for one build", A "app host A+\nuser A ann uid=2000\naccept user ann\nbuild\nnew\n" B "app host B+\nuser B ann uid=2001\nbuild\nno user ann id-conflict\n" },
        { "I5 a new entry does not get the id of the person who left the name", "dir A range=5000-5999\napp host A+\nuser A ann entry=one\nbuild\nnew\n"
          "dir A range=5000-5999\napp host A+\nuser A anna entry=one\nbuild\nis anna private=yes\nnew\ndir A range=5000-5999\napp host A+\nuser A ann entry=two\n"
          "build\nis ann private=yes\nnew\ndir A range=5000-5999\napp host A+\nuser A ann entry=two\n"
          "user A anna entry=one\nbuild\nis anna private=yes\nis ann private=yes\n" },
        { "I5 a failed accept of another name changes nothing", A "app host A+\nuser A ann uid=2000\nbuild\nnew\n" B "app host B+\nuser B ann uid=2001\naccept user bob\nbuild\nno user ann id-conflict\n" },
};

static const struct row accesses[] = {
        { "L4 neither allow_all nor groups: nobody", A "app host A\nuser A ann uid=2000\nbuild\naccess host ann no-access A\n" },
        { "L4 allow_all", A "app host A+\nuser A ann uid=2000\nbuild\naccess host ann ok A\n" },
        { "L4 nested in the owner, in any case", A "app host A:Gate\nuser A ann uid=2000\nuser A bob uid=2001\ngroup A in gid=3000 users=ann\ngroup A gate gid=3001 groups=in\nbuild\n"
          "access host ann ok\naccess host bob no-access\n" },
        { "L4 another directory's same-named group does not count", A B "app host A:gate,B:gate membership=aggregating\nuser A ann uid=2000\nuser B ann uid=2001\n"
          "group A gate gid=3000\ngroup B gate gid=3001 users=ann\nbuild\nis ann groups=gate\naccess host ann no-access A\n" },
        { "L4 a gate group need not be published", A "app host A:sudo\nuser A ann uid=2000\ngroup A sudo gid=3000 users=ann\nbuild\nno group sudo\naccess host ann ok\n" },
        { "L3 inactive before L4", A "app host A\nuser A ann uid=2000 active=no\nbuild\naccess host ann inactive A\n" },
        { "L3 the masked copy's flag is ignored", AB "user A ann uid=2000\nuser B ann uid=2001 active=no\nbuild\naccess host ann ok A\n" },
        { "M8 each application in its own order; L12 another owner is refused", AB "app ssh B+,A+ services=sshd\nuser A ann uid=2000\nuser B ann uid=2001\nuser A bob uid=2002\nbuild\n"
          "access host ann ok A\naccess ssh ann id-conflict B\naccess ssh bob ok A\n" },
        { "M8 allow_other_owner", AB "app ssh B+,A+ other-owner=yes\nuser A ann uid=2000\nuser B ann uid=2001\nbuild\naccess ssh ann ok B\n" },
        { "L3, L4 of the application's own owner come first", AB "app ssh B,A+ other-owner=yes\napp su B+ other-owner=yes\nuser A ann uid=2000\nuser B ann uid=2001 active=no\nbuild\n"
          "access ssh ann inactive B\naccess su ann inactive B\n" },
        { "no owner in the application: no access", AB "app ssh B+\nuser A ann uid=2000\nbuild\naccess ssh ann no-access\n" },
        { "D6 unavailable in an application whose first directory is incomplete", "dir C complete=no\n" AB "app ssh C+,A+\nuser A ann uid=2000\nbuild\naccess host ann ok\naccess ssh ann unavailable\n" },
        { "N2 an ambiguous owner in the application is nobody", AB "app ssh B+,A+ other-owner=yes\nuser A ann uid=2000\nuser B Ann uid=2001\nuser B ann uid=2002\nbuild\naccess ssh ann id-conflict B\n" },
};

static void run(const struct row *rows, size_t count) {
        for (size_t i = 0; i < count; i++) {
                struct test_world *world = test_world_new();
                test_world_run(world, rows[i].rule, rows[i].script);
                test_world_free(world);
        }
}

static void test_names(void **state) {
        (void)state;
        run(names, ARRAY_SIZE(names));
}

static void test_orders(void **state) {
        (void)state;
        run(orders, ARRAY_SIZE(orders));
}

static void test_memberships(void **state) {
        (void)state;
        run(memberships, ARRAY_SIZE(memberships));
}

static void test_ids(void **state) {
        (void)state;
        run(ids, ARRAY_SIZE(ids));
}

static void test_stability(void **state) {
        (void)state;
        run(stability, ARRAY_SIZE(stability));
}

static void test_access(void **state) {
        (void)state;
        run(accesses, ARRAY_SIZE(accesses));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names), cmocka_unit_test(test_orders), cmocka_unit_test(test_memberships),
                cmocka_unit_test(test_ids), cmocka_unit_test(test_stability), cmocka_unit_test(test_access),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
