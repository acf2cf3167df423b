/* One request that changes something, and its answer; see ldap/change.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/ldap/change.h"

/* A line on which an answer did not come is of no use: the next one would be taken for it. */
static int finish(struct changing *changing, int sent, int id, char text[SEND_TEXT]) {
        struct session *session = &changing->directory->session;
        struct bind_answer answer;
        changing->written = true;
        int r = sent == LDAP_SUCCESS ? link_answer(session->reader, id, changing->deadline_ms, &answer) : -ECONNRESET;
        if (r < 0) {
                log_warning("directory %s: no answer to a change: %s", changing->directory->settings->name, strerror(-r));
                link_close(TAKE_PTR(session->reader));
                return SEND_LOST;
        }
        memcpy(text, answer.text, SEND_TEXT);
        if (answer.code != LDAP_SUCCESS && answer.code != changing->expected) {
                _cleanup_sbuf_ struct sbuf said = { 0 };
                link_describe(&said, answer.code, answer.text);
                log_notice("directory %s: the server refuses a change: %s", changing->directory->settings->name, sbuf_text(&said));
        }
        return answer.code;
}
_Static_assert(sizeof((struct bind_answer *)0)->text == SEND_TEXT, "the whole text");

static bool is_ready(struct changing *changing, char text[SEND_TEXT]) {
        text[0] = 0;
        session_stay(&changing->directory->session);
        return changing->directory->session.reader != NULL && clock_monotonic_ms() < changing->deadline_ms;
}

int send_add(struct changing *changing, const char *dn, struct mods *mods, char text[SEND_TEXT]) {
        int id = -1;
        LDAPMod **list = mods_list(mods);
        if (!list || !is_ready(changing, text))
                return SEND_NONE;
        int sent = ldap_add_ext(changing->directory->session.reader->ld, dn, list, NULL, NULL, &id);
        return finish(changing, sent, id, text);
}

int send_modify(struct changing *changing, const char *dn, struct mods *mods, char text[SEND_TEXT]) {
        int id = -1;
        LDAPMod **list = mods_list(mods);
        if (!list || !is_ready(changing, text))
                return SEND_NONE;
        int sent = ldap_modify_ext(changing->directory->session.reader->ld, dn, list, NULL, NULL, &id);
        return finish(changing, sent, id, text);
}

int send_delete(struct changing *changing, const char *dn, char text[SEND_TEXT]) {
        int id = -1;
        if (!is_ready(changing, text))
                return SEND_NONE;
        int sent = ldap_delete_ext(changing->directory->session.reader->ld, dn, NULL, NULL, &id);
        return finish(changing, sent, id, text);
}

int send_rename(struct changing *changing, const char *dn, const char *new_rdn, char text[SEND_TEXT]) {
        int id = -1;
        if (!is_ready(changing, text))
                return SEND_NONE;
        int sent = ldap_rename(changing->directory->session.reader->ld, dn, new_rdn, NULL, 1, NULL, NULL, &id);
        return finish(changing, sent, id, text);
}
