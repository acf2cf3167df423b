/* What the supervisor tells the keeper of a login to a delegated directory (D3), and what comes of it. Same rules as channel/protocol.h.
 * Relies on: multidird/channel/protocol, model/profile.
 * Must never: hold the password. */
#pragma once

#include "model/profile.h"
#include "model/sync.h"
#include "multidird/channel/protocol.h"

/* The password of the server's entry external_id was right. With an entry_id: of the user of that name and entry; without: nobody has the name here. */
struct protocol_admit {
        uint64_t id;
        bool dry;                     /* only say what would come of it */
        char directory[WIRE_NAME_MAX + 1], user[WIRE_NAME_MAX + 1], entry_id[WIRE_NAME_MAX + 1];
        char external_id[SYNC_ENTRY_ID_MAX + 1];
        struct user_profile profile;  /* what the server says of it */
};
int protocol_send_admit(struct channel *channel, const struct protocol_admit *admit);
int protocol_get_admit(const unsigned char *payload, size_t len, struct protocol_admit *admit);

/* RECORD_SAME: the user is there, with that entry on record. RECORD_OTHER: the user has another entry on record, or the entry is another user's.
 * RECORD_NONE: nobody has the name, and nobody was created. RECORD_UNKNOWN: it could not be written, or not be published. */
struct protocol_admitted {
        uint64_t id;
        enum record_state state;
        bool active;                       /* the local flag (L3); with RECORD_SAME */
        char entry_id[WIRE_NAME_MAX + 1];  /* of the user here; with RECORD_SAME */
};
int protocol_send_admitted(struct channel *channel, const struct protocol_admitted *admitted);
int protocol_get_admitted(const unsigned char *payload, size_t len, struct protocol_admitted *admitted);

/* The profile as a part of a message. */
size_t profile_size(const struct user_profile *profile);
void profile_put(struct wire_writer *writer, const struct user_profile *profile);
void profile_get(struct wire_reader *reader, struct user_profile *profile);
