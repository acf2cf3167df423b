/* Directory bytes through what makes names, texts and ids publishable, and account files through their reader: whatever comes out keeps the
 * promises of rules N3 and N5.
 * Relies on: model/name, model/id, model/local.
 * Must never: repair the input. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/id.h"
#include "model/local.h"
#include "model/name.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void promise(bool kept) {
        if (!kept)
                abort();
}

static void try_texts(const char *text, size_t len) {
        char name[NAME_LENGTH_MAX + 1], gecos[40], path[64];
        uint32_t id = ID_SID_FIRST;
        if (name_check(NAME_OF_USER, text, NULL) == REASON_OK) {
                promise(len <= NAME_LENGTH_MAX && !strpbrk(text, ":/,\n") && text_is_utf8(text, len));
                name_publish(NAME_CASE_LOWER, text, name);
                promise(text_same_name(text, name));
        }
        gecos_publish(text, gecos, sizeof gecos);
        promise(strlen(gecos) < sizeof gecos && !strchr(gecos, ':') && text_is_utf8(gecos, strlen(gecos)) && !text_has_control(gecos, strlen(gecos)));
        if (path_is_publishable(text))
                promise(text[0] == '/' && !strstr(text, "/../") && !strchr(text, ':'));
        if (path_expand(text, "user", "directory", path, sizeof path) == 0)
                promise(strlen(path) < sizeof path);
        if (ssh_key_is_publishable(text, len))
                promise(!strchr(text, '\n'));
        (void)name_is_reserved(text);
        (void)id_from_sid(text, ID_SID_FIRST, ID_SID_LAST, &id);
        promise(id >= ID_SID_FIRST && id <= ID_SID_LAST);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
        struct local_accounts *accounts;
        char *text = malloc(size + 1);
        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = 0;
        size_t len = strlen(text);
        try_texts(text, len);
        if (local_accounts_new(text, text, text, text, &accounts) == 0) {
                (void)local_accounts_has_name(accounts, text);
                (void)local_accounts_has_id(accounts, 1000);
                (void)local_accounts_in_subids(accounts, 100000);
                local_accounts_free(accounts);
        }
        free(text);
        return 0;
}
