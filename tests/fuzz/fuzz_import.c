/* Import files of any bytes: the first byte chooses users or groups and CSV or LDIF.
 * Relies on: libFuzzer, multidirctl's library.
 * Must never: hash a password (too slow to fuzz). */
#include <stdint.h>
#include <stdlib.h>

#include "multidirctl/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        struct import_table table = { .kind = data[0] & 1 ? IMPORT_GROUPS : IMPORT_USERS };
        const char *text = (const char *)data + 1;
        (void)import_is_ldif(text, size - 1);
        if (data[0] & 2)
                import_ldif(&table, text, size - 1);
        else
                import_csv(&table, text, size - 1);
        /* Whatever was read can be sent: a row is an object with its line and texts that JSON takes. */
        for (size_t i = 0; i < table.count; i++) {
                json_t *row = import_row_json(&table, &table.rows[i], true);
                char *out = row ? json_dumps(row, JSON_COMPACT) : NULL;
                if (!out || table.rows[i].line == 0)
                        abort();
                free(out);
                json_decref(row);
        }
        import_table_done(&table);
        return 0;
}
