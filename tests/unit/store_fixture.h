/* What the tests of one directory's store share: an open one in a folder of its own.
 * Relies on: cmocka (include it before); unit/store_help.h.
 * Must never: leave the folder behind. */
#pragma once

#include <stdlib.h>

#include "base/cleanup.h"
#include "replica/store.h"
#include "unit/store_help.h"

struct fixture {
        char folder[64];
        struct store *store;
};

_unused_ static int fixture_new(void **state, const char *name, enum directory_type type) {
        struct fixture *fixture = calloc(1, sizeof *fixture);
        assert_non_null(fixture);
        help_folder(fixture->folder, sizeof fixture->folder);
        assert_int_equal(store_open(fixture->folder, name, type, STORE_READ_WRITE, &fixture->store), 0);
        *state = fixture;
        return 0;
}

_unused_ static int teardown(void **state) {
        struct fixture *fixture = *state;
        store_close(fixture->store);
        help_remove_folder(fixture->folder);
        free(fixture);
        return 0;
}

_unused_ static struct replica *load(struct store *store) {
        struct replica *replica = NULL;
        assert_int_equal(store_load(store, &replica), 0);
        return replica;
}
