/* Small worlds for the tests of the compiler, as scripts: a line describes the world, builds its view, or says what must be in it.
 * Relies on: view/compile, view/reader, cmocka.
 * Must never: be linked into the product.
 *
 *   dir NAME [ids=attribute|sid|allocate] [range=A-B] [active=no] [unavailable=next] [complete=no] [nested=no] [case=preserve]
 *            [primary=GROUP] [inactive-groups=ignore] [home=T] [shell=T] [min=N]
 *   user DIR NAME [entry=E] [uid=N] [gid=N] [sid=S] [active=no] [home=P] [shell=P] [gecos=T] [key=K]
 *   group DIR NAME [entry=E] [gid=N] [sid=S] [active=no] [users=a,b] [groups=c,d]
 *   app NAME MAPPING,… [membership=aggregating] [publish=with-access] [other-owner=yes] [services=a,b] [local=DIR/GROUP:LOCAL,…]
 *            MAPPING: DIR (nobody may log in), DIR+ (allow_all), DIR:g1:g2 (allow_groups)
 *   passwd LINE, group-file LINE, subuid LINE
 *   new                                       forgets all but the registry
 *   accept user|group NAME
 *   build                                     compiles; everything that must hold of any view is checked
 *   fails ERRNO-NAME                          the same, but it must fail
 *   is NAME [uid=N] [gid=N] [groups=a,b] [local=N,…] [home=P] [shell=P] [gecos=T] [private=yes|no] [keys=N]   the user is published so
 *   has NAME [gid=N] [members=a,b]            the group is published so
 *   no user|group NAME [REASON [WINNER]]      not published, and `masked` says why
 *   note user|group NAME                      published, and `masked` has a note on it
 *   access APP USER REASON [DIR]
 *   row user|group NAME DIR REASON [WINNER]   a row of `masked`
 *
 * Texts may have %XX for a byte. "-" is an empty list. */
#pragma once

#include "model/registry.h"
#include "rules/membership.h"
#include "view/compile.h"
#include "view/reader.h"

struct test_world;

struct test_world *test_world_new(void);
void test_world_free(struct test_world *world);
/* Runs a script; a line that does not hold fails the test, with `rule` and the line in the message. */
void test_world_run(struct test_world *world, const char *rule, const char *script);

/* Of the last build. Owned by the world. */
const struct view *test_world_view(const struct test_world *world);
const struct settings *test_world_settings(const struct test_world *world);
const struct replica *const *test_world_replicas(const struct test_world *world);
const struct compile_result *test_world_result(const struct test_world *world);
