/* Changes by a number or a time that every entry has; see ldap/feed.h. What is gone is seen by what is still there: each delta asks for all ids first, then
 * for what has changed. What is new in between is in the second, and what goes away in between is still in the replica until the next delta.
 * Must never: use this host's clock for the server's times, but to see that one of them cannot be a time that the server's clock has shown. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "directory/ldap/feed.h"

#define AHEAD_S 300        /* by how much the server's clock may be ahead of this host's */
#define OVERLAP_MINUTES 10 /* a replica of the server's may bring a change that is older than what it brought before */

static void minutes_earlier(const char *time, unsigned minutes, char earlier[READ_TIME_TEXT]) {
        struct tm tm = { 0 };
        memcpy(earlier, time, READ_TIME_TEXT);
        if (!strptime(time, "%Y%m%d%H%M%S", &tm))
                return;
        time_t at = timegm(&tm) - (time_t)minutes * 60;
        if (gmtime_r(&at, &tm))
                (void)strftime(earlier, READ_TIME_TEXT, "%Y%m%d%H%M%S", &tm);
}

/* Whoever may write it has given an entry a time that is still to come: all that is changed before then would be older than what was seen. */
static bool is_to_come(const char *time) {
        char latest[READ_TIME_TEXT] = "";
        time_t at = (time_t)clock_real_s() + AHEAD_S;
        struct tm tm;
        if (gmtime_r(&at, &tm))
                (void)strftime(latest, sizeof latest, "%Y%m%d%H%M%S", &tm);
        return strcmp(time, latest) > 0;
}

/* ---- Full ---- */

static int search_containers(struct reading *reading, const char *base, const char *filter, const char *const *attributes,
                             int (*take)(void *userdata, const struct ldap_entry *entry), void *userdata) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        const struct search search = {
                .base = base, .scope = LDAP_SCOPE_SUBTREE, .filter = filter, .attributes = attributes, .page_size = ldap->page_size,
                .silence_ms = READ_SILENCE_MS, .domain_scope = ldap->active_directory, .entry = take, .userdata = userdata,
        };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = search_run(reading->link, &search, reading->deadline_ms, &why);
        if (r == -ETIMEDOUT || r == -ECONNRESET)
                sbuf_add(reading->why, sbuf_text(&why));
        return r;
}

static int add_holder(void *userdata, const struct ldap_entry *entry) {
        feed_holders_add(userdata, entry);
        return 0;
}

/* What holds entries now, in *cookie, which says what held them before. *same: each is where it was. */
static int read_holders(struct reading *reading, struct sync_cookie *cookie, bool *same) {
        struct entry_attributes attributes;
        struct feed_holders holders;
        feed_holders_attributes(reading->directory->ldap, &attributes);
        feed_holders_begin(&holders, reading->directory->ldap, cookie);
        int r = search_containers(reading, reading->directory->ldap->base, FEED_CONTAINERS, attributes.names, add_holder, &holders);
        *same = r == 0 && feed_holders_end(&holders, cookie);
        return r;
}

/* Of the run that is about to end, with that cookie. */
static enum sync_keeping keeping(struct feed *feed, const char *cookie) {
        if (!cookie[0] || feed->reading->directory->ldap->user_member_of[0])
                return SYNC_KEPT_FULL;
        return active_listens(feed) ? SYNC_KEPT_WATCH : SYNC_KEPT_CHANGES;
}

static void set_number(struct sync_cookie *field, uint64_t number) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
        feed_cookie_set_text(field, text);
}

int feed_changes_full(struct feed *feed) {
        struct reading *reading = feed->reading;
        bool usn = feed->server->method == FEED_USN, never = feed->server->method == FEED_NONE;
        struct feed_cookie cookie = { .method = never ? FEED_NONE : usn ? FEED_USN : FEED_TIMES, .identity = feed->server->identity };
        char text[SYNC_COOKIE_MAX + 1];
        bool same;
        int r = 0, held = 0;
        reading->again = feed->began;
        reading->times = cookie.method == FEED_TIMES;
        if (!feed->began)
                r = reading_begin(reading, &(struct sync_begin){ 0 });
        feed->began = true;
        if (r == 0 && reading->times)
                held = read_holders(reading, &cookie.fields[1], &same);
        if (held == -ETIMEDOUT || held == -ECONNRESET)
                r = held;
        if (r == 0)
                r = reading_full_pages(reading);
        if (r < 0)
                return r;
        if (usn) {
                set_number(&cookie.fields[0], feed->server->usn);
        } else {
                feed_cookie_set_text(&cookie.fields[0], reading->newest);
                if (!reading->newest[0] || held < 0 || is_to_come(reading->newest))
                        cookie.method = FEED_NONE;
        }
        if (reading->dynamic)
                cookie.method = FEED_NONE;
        cookie.end_s = feed->request->end_s = reading->end_s;
        feed_cookie_write(&cookie, text);
        feed->request->keeping = keeping(feed, text);
        r = reading_full_end(reading, text);
        memcpy(feed->cookie, text, sizeof feed->cookie);
        return r;
}

/* ---- Deltas ---- */

struct since {
        bool usn;
        uint64_t number;
        char time[READ_TIME_TEXT];
};

static int read_since(const struct feed_cookie *cookie, struct since *since) {
        char text[24];
        *since = (struct since){ .usn = cookie->method == FEED_USN };
        if (!since->usn)
                return reading_time_text(&(struct berval){ .bv_val = (char *)(uintptr_t)cookie->fields[0].bytes, .bv_len = cookie->fields[0].len }, since->time)
                       ? 0 : -EINVAL;
        if (cookie->fields[0].len >= sizeof text)
                return -EINVAL;
        memcpy(text, cookie->fields[0].bytes, cookie->fields[0].len);
        text[cookie->fields[0].len] = 0;
        return text_to_u64(text, INT64_MAX - 1, &since->number);
}

/* One that was renamed or moved has taken along all that it holds. Where the server does not say what has changed of it, it may have been that. */
static int take_changed_container(void *userdata, const struct ldap_entry *entry) {
        const struct since *since = userdata;
        const struct ldap_attribute *metadata = entry_find(entry, READ_METADATA);
        struct active_stamp name;
        if (!metadata || metadata->count != 1 || active_stamp_of(&metadata->values[0], ACTIVE_NAME, &name) < 0)
                return reading_is_unmoved(entry) ? 0 : -ESTALE;
        return name.usn <= since->number || name.version == 1 ? 0 : -ESTALE;
}

static int look_at_containers(struct feed *feed, struct since *since, struct feed_cookie *next) {
        const char *const attributes[] = { "modifyTimestamp", "createTimestamp", READ_METADATA, NULL };
        struct reading *reading = feed->reading;
        const char *context = feed->server->active.context;
        char filter[704];
        bool same;
        if (!since->usn) {
                int r = read_holders(reading, &next->fields[1], &same);
                return r == 0 && !same ? -ESTALE : r;
        }
        /* Each change of a group policy changes such a container, which holds nobody. */
        (void)snprintf(filter, sizeof filter, "(&(uSNChanged>=%" PRIu64 ")(!(objectClass=groupPolicyContainer))" FEED_CONTAINERS ")", since->number + 1);
        return search_containers(reading, context[0] ? context : reading->directory->ldap->base, filter, attributes, take_changed_container, since);
}

static int take_present_user(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        const char *why;
        enum entry_verdict verdict = entry_map_user(&reading->context, entry, &reading->user, &why);
        if (verdict == ENTRY_BROKEN)
                return reading_complain(reading, entry, -EINVAL, why);
        return verdict == ENTRY_OK ? reading_sink_error(reading, reading->sink->present(reading->sink->userdata, SYNC_KIND_USER, reading->user.user.entry_id)) : 0;
}

static int take_present_group(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        const char *why;
        enum entry_verdict verdict = entry_map_group(&reading->context, entry, &reading->group, &why);
        if (verdict == ENTRY_BROKEN)
                return reading_complain(reading, entry, -EINVAL, why);
        return verdict == ENTRY_OK ? reading_sink_error(reading, reading->sink->present(reading->sink->userdata, SYNC_KIND_GROUP, reading->group.group.entry_id)) : 0;
}

static int sweep(struct reading *reading) {
        const struct directory *directory = reading->directory;
        const char *const of_user[] = { directory->ldap->user_name, directory->ldap->external_id, NULL };
        const char *const of_group[] = { directory->ldap->group_name, directory->ldap->external_id, NULL };
        int r = reading_pages(reading, &(struct reading_pages){ false, sbuf_text(&directory->user_filter), of_user, take_present_user });
        if (r == 0)
                r = reading_pages(reading, &(struct reading_pages){ true, sbuf_text(&directory->group_filter), of_group, take_present_group });
        return r;
}

static int take_changed_user(void *userdata, const struct ldap_entry *entry) {
        return reading_delta_user(userdata, entry, NULL);
}

static int take_changed_group(void *userdata, const struct ldap_entry *entry) {
        return reading_delta_group(userdata, entry, NULL);
}

static int changed(struct reading *reading, const struct since *since) {
        const struct directory *directory = reading->directory;
        _cleanup_sbuf_ struct sbuf users = { 0 }, groups = { 0 };
        struct entry_attributes of_user, of_group;
        char which[160], from[READ_TIME_TEXT];
        if (since->usn) {
                (void)snprintf(which, sizeof which, "(uSNChanged>=%" PRIu64 ")", since->number + 1);
        } else {
                minutes_earlier(since->time, OVERLAP_MINUTES, from);
                (void)snprintf(which, sizeof which, "(|(modifyTimestamp>=%sZ)(createTimestamp>=%sZ))", from, from);
        }
        sbuf_printf(&users, "(&%s%s)", which, sbuf_text(&directory->user_filter));
        sbuf_printf(&groups, "(&%s%s)", which, sbuf_text(&directory->group_filter));
        if (users.failed || groups.failed)
                return -ENOMEM;
        reading_user_attributes(reading, &of_user);
        reading_group_attributes(reading, &of_group);
        int r = reading_pages(reading, &(struct reading_pages){ false, sbuf_text(&users), of_user.names, take_changed_user });
        if (r == 0)
                r = reading_pages(reading, &(struct reading_pages){ true, sbuf_text(&groups), of_group.names, take_changed_group });
        return r;
}

/* What has changed, as far as that says who is gone. Where that is not enough, who is there is listed; in a watch only when the time for it has come. */
static int gather(struct feed *feed, const struct since *since, struct active_changes *gathered) {
        const struct active *active = &feed->server->active;
        if (!since->usn || !active->context[0] || (active->lists && (!feed->watching || feed->sweep)))
                return 0;
        return active_gather(feed->reading, active, since->number, gathered);
}

static int tell(struct feed *feed, const struct since *since, const struct active_changes *gathered, const char *from) {
        struct reading *reading = feed->reading;
        bool lists = !gathered->known;
        feed->began = true;
        feed->listed = lists && feed->watching && !feed->sweep;
        int r = reading_begin(reading, &(struct sync_begin){ .delta = true, .from = from, .sweep_users = lists, .sweep_groups = lists });
        if (r == 0)
                r = lists ? sweep(reading) : active_tell(reading, gathered);
        if (r == 0 && (lists || gathered->ids.count > 0))
                r = changed(reading, since);
        return r;
}

static int end(struct feed *feed, const struct since *since, struct feed_cookie *next) {
        struct reading *reading = feed->reading;
        char text[SYNC_COOKIE_MAX + 1];
        if (since->usn)
                set_number(&next->fields[0], feed->server->usn);
        else
                feed_cookie_set_text(&next->fields[0], reading->newest);
        if (!since->usn && is_to_come(reading->newest))
                next->method = FEED_NONE;
        next->end_s = feed->request->end_s = reading->end_s;
        feed_cookie_write(next, text);
        feed->request->keeping = keeping(feed, text);
        int r = reading_end(reading, text);
        memcpy(feed->cookie, text, sizeof feed->cookie);
        return r;
}

int feed_changes_delta(struct feed *feed, const struct feed_cookie *cookie, const char *from) {
        struct reading *reading = feed->reading;
        struct feed_cookie next = *cookie;
        struct active_changes gathered = { 0 };
        struct since since;
        if (read_since(cookie, &since) < 0 || (since.usn && (feed->server->method != FEED_USN || feed->server->usn < since.number)))
                return -ESTALE;
        reading->times = !since.usn;
        reading->fresh_usn = since.number;
        int r = look_at_containers(feed, &since, &next);
        if (r < 0)
                return r == -ETIMEDOUT || r == -ECONNRESET ? r : -ESTALE;
        memcpy(reading->newest, since.time, sizeof reading->newest);
        r = gather(feed, &since, &gathered);
        bool waits = gathered.known && !gathered.pressing && feed->watching && clock_monotonic_ms() < feed->wait_ms;
        if (r == 0 && !waits)
                r = tell(feed, &since, &gathered, from);
        active_changes_done(&gathered);
        return r < 0 || waits ? r : end(feed, &since, &next);
}
