/* See base/ports.h. */
#include "base/ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define TEXT_MAX 32

static uint16_t first_unprivileged = PORTS_UNPRIVILEGED;

void ports_read(const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        uint64_t port;
        first_unprivileged = PORTS_UNPRIVILEGED;
        if (file_read(path, TEXT_MAX, &text, &len) < 0)
                return;
        text[strcspn(text, "\n")] = 0;
        if (text_to_u64(text, PORTS_UNPRIVILEGED, &port) == 0)
                first_unprivileged = (uint16_t)port;
}

uint16_t ports_first_unprivileged(void) {
        return first_unprivileged;
}
