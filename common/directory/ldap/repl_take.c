/* RFC 4533, message by message; see ldap/repl.h. */
#include <errno.h>
#include <string.h>

#include "directory/ldap/repl.h"

static enum sync_kind kind_of(size_t which) {
        return which == USERS ? SYNC_KIND_USER : SYNC_KIND_GROUP;
}

/* A cookie that does not fit is none: the next one may. */
static void keep_cookie(struct stream *stream, const struct berval *cookie) {
        if (cookie->bv_val && cookie->bv_len > 0)
                (void)sync_cookie_set(&stream->cookie, cookie);
}

/* Between two runs, a change begins the next one. */
static int open_run(struct repl *repl) {
        return repl->open ? 0 : repl_begin_delta(repl, false, false);
}

static int tell(struct repl *repl, size_t which, const unsigned char uuid[SYNC_UUID_BYTES], bool gone) {
        const struct sync_sink *sink = repl->reading->sink;
        char id[SYNC_ID_TEXT];
        int r = open_run(repl);
        if (r < 0)
                return r;
        sync_id_text(repl->form, uuid, id);
        return reading_sink_error(repl->reading, (gone ? sink->gone : sink->present)(sink->userdata, kind_of(which), id));
}

/* The server's UUID must be the external_id: only the UUID comes when an entry is gone. */
static int check_id(struct repl *repl, const struct ldap_entry *entry) {
        const char *id = entry_id(&repl->reading->context, entry, &repl->reading->user.text);
        enum sync_id_form form = id ? sync_id_form_of(repl->state->uuid, id) : SYNC_ID_UNKNOWN;
        if (id && repl->form == SYNC_ID_UNKNOWN)
                repl->form = form;
        /* 389 DS leaves out what was asked for when it goes on from a cookie. In a full run, what has no id is told by whoever maps it. */
        if (!id && !repl->full)
                return -ESTALE;
        return id && (form == SYNC_ID_UNKNOWN || form != repl->form) ? -EOPNOTSUPP : 0;
}

/* A user's or a group's, taken by one of these as the run is. */
static int take(struct repl *repl, const struct ldap_entry *entry, int (*full)(void *reading, const struct ldap_entry *entry),
                int (*delta)(struct reading *reading, const struct ldap_entry *entry, const char *gone_id)) {
        char id[SYNC_ID_TEXT];
        int r = check_id(repl, entry);
        if (repl->full)
                return r < 0 ? r : full(repl->reading, entry);
        if (r < 0)
                return -ESTALE;
        sync_id_text(repl->form, repl->state->uuid, id);
        return delta(repl->reading, entry, id);
}

static int take_user(void *userdata, const struct ldap_entry *entry) {
        return take(userdata, entry, reading_full_user, reading_delta_user);
}

static int take_group(void *userdata, const struct ldap_entry *entry) {
        return take(userdata, entry, reading_full_group, reading_delta_group);
}

static int take_container(void *userdata, const struct ldap_entry *entry) {
        struct repl *repl = userdata;
        feed_holders_add(&repl->holders, entry);
        return 0;
}

static int take_containers_end(struct repl *repl) {
        struct stream *stream = &repl->streams[CONTAINERS];
        bool same = feed_holders_end(&repl->holders, &stream->cookie);
        stream->refreshed = true;
        return same || (repl->full && !repl->watching) ? 0 : -ESTALE;
}

static int take_state(struct repl *repl, size_t which, LDAPMessage *message, const struct sync_state_value *state) {
        if (repl->full && !repl->watching && state->state != SYNC_ENTRY_ADD && state->state != SYNC_ENTRY_MODIFY)
                return state->state == SYNC_ENTRY_DELETE ? 0 : -EOPNOTSUPP;
        if (state->state == SYNC_ENTRY_PRESENT && (repl->watching || !repl->streams[which].present))
                return -ESTALE;
        if (state->state == SYNC_ENTRY_PRESENT || state->state == SYNC_ENTRY_DELETE)
                return tell(repl, which, state->uuid, state->state == SYNC_ENTRY_DELETE);
        const struct search search = { .attributes = repl->attributes[which].names, .entry = which == USERS ? take_user : take_group, .userdata = repl };
        int r = open_run(repl);
        repl->state = state;
        if (r == 0)
                r = search_take_entry(repl->reading->link, &search, message, repl->reading->why);
        repl->state = NULL;
        return r;
}

static int take_entry(struct repl *repl, size_t which, LDAPMessage *message) {
        const struct search containers = { .attributes = repl->attributes[CONTAINERS].names, .entry = take_container, .userdata = repl };
        if (which == CONTAINERS)
                return search_take_entry(repl->reading->link, &containers, message, repl->reading->why);
        LDAPControl **controls = NULL;
        struct sync_state_value state;
        const LDAPControl *control = NULL;
        if (ldap_get_entry_controls(repl->reading->link->ld, message, &controls) == LDAP_SUCCESS)
                control = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
        int r = !control || sync_parse_state(&control->ldctl_value, &state) < 0 ? -EOPNOTSUPP : 0;
        if (r == 0)
                r = take_state(repl, which, message, &state);
        if (r == 0)
                keep_cookie(&repl->streams[which], &state.cookie);
        ldap_controls_free(controls);
        return r;
}

static int take_ids(struct repl *repl, size_t which, struct sync_info_value *info) {
        unsigned char uuid[SYNC_UUID_BYTES];
        int r = 0;
        if (repl->full && !repl->watching)
                return 0;
        if (!info->deletes && (repl->watching || !repl->streams[which].present))
                return -ESTALE;
        while (r == 0 && sync_next_id(&info->set, uuid))
                r = tell(repl, which, uuid, info->deletes);
        return r;
}

static int take_info(struct repl *repl, size_t which, struct sync_info_value *info) {
        struct stream *stream = &repl->streams[which];
        int r = 0;
        if (info->kind == SYNC_INFO_ID_SET)
                r = take_ids(repl, which, info);
        /* It has named all that is there, and we did not begin with that. */
        if (info->kind == SYNC_INFO_PRESENT && !repl->full && !stream->present)
                r = -ESTALE;
        if (r == 0 && info->done && (info->kind == SYNC_INFO_DELETE || info->kind == SYNC_INFO_PRESENT))
                stream->refreshed = true;
        if (r == 0)
                keep_cookie(stream, &info->cookie);
        return r;
}

static int take_intermediate(struct repl *repl, size_t which, LDAPMessage *message) {
        struct sync_info_value info;
        struct berval *data = NULL;
        char *oid = NULL;
        int r = 0, code = ldap_parse_intermediate(repl->reading->link->ld, message, &oid, &data, NULL, 0);
        /* RFC 4511 lets others come. */
        if (code == LDAP_SUCCESS && oid && strcmp(oid, LDAP_SYNC_INFO) == 0)
                r = data && sync_parse_info(data, &info) == 0 ? take_info(repl, which, &info) : -EPROTO;
        if (r == -EPROTO)
                sbuf_add(repl->reading->why, "the server's news are not well formed");
        ldap_memfree(oid);
        ber_bvfree(data);
        return r;
}

/* refreshOnly: the end of it. */
static int take_done(struct repl *repl, size_t which, LDAPControl **controls) {
        const LDAPControl *control = ldap_control_find(LDAP_CONTROL_SYNC_DONE, controls, NULL);
        struct stream *stream = &repl->streams[which];
        struct sync_done_value done;
        if (!control || sync_parse_done(&control->ldctl_value, &done) < 0)
                return -EOPNOTSUPP;
        if (!done.deletes && !repl->full && !stream->present)
                return -ESTALE;
        keep_cookie(stream, &done.cookie);
        stream->refreshed = true;
        return 0;
}

/* The search was refused, or has failed. */
static int take_refusal(struct repl *repl, size_t which, int code, const char *diagnostic) {
        static const char *const whats[] = { [CONTAINERS] = "what holds entries", [USERS] = "users", [GROUPS] = "groups" };
        struct sbuf *why = repl->reading->why;
        int r = search_error_of(code);
        bool away = code == LDAP_BUSY || code == LDAP_UNAVAILABLE; /* others may mean the cookie */
        bool other_way = code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION || code == LDAP_PROTOCOL_ERROR || code == LDAP_UNWILLING_TO_PERFORM ||
                         r == -EACCES || r == -EFBIG;
        if (repl->watching)
                r = code == LDAP_SYNC_REFRESH_REQUIRED ? -ESTALE : -ENOTCONN;
        else if (!repl->full && !away)
                r = -ESTALE;
        else if (other_way)
                r = -EOPNOTSUPP;
        if (r == -ESTALE || r == -EOPNOTSUPP)
                return r;
        sbuf_printf(why, "%s below \"%s\", the search for changes: ", whats[which], repl_base(repl, which));
        link_describe(why, code, diagnostic);
        if (code == LDAP_NO_SUCH_OBJECT)
                ldap_kind_no_base(repl->reading->directory, repl_base(repl, which), why);
        return r;
}

static int take_result(struct repl *repl, size_t which, LDAPMessage *message) {
        LDAPControl **controls = NULL;
        char *diagnostic = NULL;
        int code = LDAP_OTHER, r = -ECONNRESET;
        repl->streams[which].id = -1;
        if (ldap_parse_result(repl->reading->link->ld, message, &code, NULL, &diagnostic, NULL, &controls, 0) != LDAP_SUCCESS)
                sbuf_add(repl->reading->why, "the server's answer is not well formed");
        else if (code == LDAP_SUCCESS && which == CONTAINERS)
                r = take_containers_end(repl);
        else if (code == LDAP_SUCCESS && !repl->persist)
                r = take_done(repl, which, controls);
        else
                r = take_refusal(repl, which, code == LDAP_SUCCESS ? LDAP_OTHER : code, diagnostic);
        ldap_controls_free(controls);
        ldap_memfree(diagnostic);
        return r;
}

int repl_take(struct repl *repl, size_t which, LDAPMessage *message) {
        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                return take_entry(repl, which, message);
        case LDAP_RES_SEARCH_REFERENCE:
                sbuf_add(repl->reading->why, "a part of the tree is on another server (referral): set the base below it, or ask a server that has all of it");
                return -EREMOTE;
        case LDAP_RES_INTERMEDIATE:
                return take_intermediate(repl, which, message);
        case LDAP_RES_SEARCH_RESULT:
                return take_result(repl, which, message);
        default:
                return 0;
        }
}
