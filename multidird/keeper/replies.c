/* Replies that wait for their view, and how any reply is sent; see keeper/replies.h. */
#include "multidird/keeper/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "multidird/channel/protocol.h"
#include "multidird/channel/update.h"
#include "multidird/keeper/command.h"

#define REPLY_MAX (WIRE_ADMIN_MAX - 64)

/* A change's reply, waiting for the view that has the change. */
struct waiting {
        struct waiting *next;
        struct asker asker;
        uint64_t wanted;             /* keeper->wanted after the change */
        int exit;
        json_t *object;
        enum name_kind kind;
        char *name;                  /* whose fate in the view the answer tells; NULL: nobody's */
};

struct replies {
        struct keeper *keeper;
        struct channel *channel;
        struct waiting *first, **end;
};

struct replies *replies_new(struct keeper *keeper, struct channel *channel) {
        struct replies *replies = calloc(1, sizeof *replies);
        if (replies)
                *replies = (struct replies){ .keeper = keeper, .channel = channel, .end = &replies->first };
        return replies;
}

static void waiting_free(struct waiting *waiting) {
        json_decref(waiting->object);
        free(waiting->name);
        free(waiting);
}

void replies_free(struct replies *replies) {
        while (replies && replies->first) {
                struct waiting *first = replies->first;
                replies->first = first->next;
                waiting_free(first);
        }
        free(replies);
}

static int send_json(struct replies *replies, const struct asker *asker, const char *json, size_t len) {
        const struct protocol_admin admin = { .connection = asker->connection, .id = asker->id, .json = json, .json_len = len };
        const struct protocol_applied applied = { .id = asker->id, .json = json, .json_len = len };
        return asker->applied ? protocol_send_applied(replies->channel, &applied) : protocol_send_admin(replies->channel, KEEPER_ADMIN_REPLY, &admin);
}

void replies_send(struct replies *replies, const struct asker *asker, int exit, json_t *object) {
        static const char too_large[] = "{\"exit\":6,\"object\":{\"error\":{\"reason\":\"unavailable\",\"text\":\"the answer is larger than 16 MiB\"}}}";
        static const char no_memory[] = "{\"exit\":6,\"object\":{\"error\":{\"reason\":\"unavailable\",\"text\":\"the service is out of memory\"}}}";
        json_auto_t *reply = object ? json_pack("{s:i, s:O}", "exit", exit, "object", object) : NULL;
        char *json = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
        int r;
        if (!json)
                r = send_json(replies, asker, no_memory, sizeof no_memory - 1);
        else if (strlen(json) > REPLY_MAX)
                r = send_json(replies, asker, too_large, sizeof too_large - 1);
        else
                r = send_json(replies, asker, json, strlen(json));
        if (r < 0)
                log_error("a reply cannot be sent: %s", strerror(-r));
        secret_free(json);
}

void replies_wait(struct replies *replies, const struct asker *asker, int exit, json_t *object, enum name_kind kind, const char *name) {
        struct waiting *waiting = calloc(1, sizeof *waiting);
        if (!waiting) {
                replies_send(replies, asker, EXIT_UNAVAILABLE, NULL);
                json_decref(object);
                return;
        }
        *waiting = (struct waiting){ .asker = *asker, .wanted = replies->keeper->wanted, .exit = exit, .object = object, .kind = kind };
        waiting->name = exit == EXIT_DONE && name ? strdup(name) : NULL;
        *replies->end = waiting;
        replies->end = &waiting->next;
}

/* A change that is done and yet shows nobody: an administrator is to know why, and of `accept`. */
static void tell_fate(const struct replies *replies, const struct waiting *waiting) {
        json_t *text = waiting->name ? keeper_withheld_text(replies->keeper, waiting->kind, waiting->name) : NULL;
        if (text)
                (void)json_object_set_new(waiting->object, "text", text);
}

void replies_release(struct replies *replies, uint64_t built, const char *failure) {
        while (replies->first && replies->first->wanted <= built) {
                struct waiting *first = replies->first;
                if (failure) {
                        json_t *error = keeper_error("unavailable", "the change is made, but not published yet: %s", failure);
                        (void)json_object_update(first->object, error);
                        json_decref(error);
                        first->exit = EXIT_UNAVAILABLE;
                } else {
                        tell_fate(replies, first);
                }
                replies_send(replies, &first->asker, first->exit, first->object);
                replies->first = first->next;
                if (!replies->first)
                        replies->end = &replies->first;
                waiting_free(first);
        }
}
