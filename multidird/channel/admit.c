/* The messages about logins to delegated directories as bytes; see channel/admit.h.
 * Relies on: wire/codec.
 * Must never: accept a message with bytes left over, or a number outside its enum. */
#include "multidird/channel/admit.h"

#include <errno.h>
#include <string.h>

#define TEXT_SIZE(text) (4 + strlen(text))

static bool get_flag(struct wire_reader *reader) {
        uint8_t flag = wire_get_u8(reader);
        if (flag > 1)
                reader->bad = true;
        return flag == 1;
}

size_t profile_size(const struct user_profile *profile) {
        return 9 + TEXT_SIZE(profile->groups) + TEXT_SIZE(profile->name) + TEXT_SIZE(profile->display_name) + TEXT_SIZE(profile->email) + TEXT_SIZE(profile->home) + TEXT_SIZE(profile->shell);
}

void profile_put(struct wire_writer *writer, const struct user_profile *profile) {
        wire_put_text(writer, profile->name);
        wire_put_text(writer, profile->display_name);
        wire_put_text(writer, profile->email);
        wire_put_text(writer, profile->home);
        wire_put_text(writer, profile->shell);
        wire_put_u32(writer, profile->uid);
        wire_put_u32(writer, profile->gid);
        wire_put_u8(writer, profile->has_groups);
        wire_put_text(writer, profile->groups);
}

void profile_get(struct wire_reader *reader, struct user_profile *profile) {
        wire_get_text(reader, profile->name, PROFILE_TEXT_MAX);
        wire_get_text(reader, profile->display_name, PROFILE_TEXT_MAX);
        wire_get_text(reader, profile->email, PROFILE_TEXT_MAX);
        wire_get_text(reader, profile->home, PROFILE_TEXT_MAX);
        wire_get_text(reader, profile->shell, PROFILE_TEXT_MAX);
        profile->uid = wire_get_u32(reader);
        profile->gid = wire_get_u32(reader);
        profile->has_groups = get_flag(reader);
        wire_get_text(reader, profile->groups, PROFILE_GROUPS_TEXT_MAX);
}

int protocol_send_admit(struct channel *channel, const struct protocol_admit *admit) {
        struct wire_writer writer;
        size_t size = 9 + TEXT_SIZE(admit->directory) + TEXT_SIZE(admit->user) + TEXT_SIZE(admit->entry_id) + TEXT_SIZE(admit->external_id) +
                      profile_size(&admit->profile);
        int r = channel_begin(channel, KEEPER_ADMIT, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, admit->id);
        wire_put_u8(&writer, admit->dry);
        wire_put_text(&writer, admit->directory);
        wire_put_text(&writer, admit->user);
        wire_put_text(&writer, admit->entry_id);
        wire_put_text(&writer, admit->external_id);
        profile_put(&writer, &admit->profile);
        return channel_end(channel, &writer, -1);
}

int protocol_get_admit(const unsigned char *payload, size_t len, struct protocol_admit *admit) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *admit = (struct protocol_admit){ .id = wire_get_u64(&reader) };
        admit->dry = get_flag(&reader);
        wire_get_text(&reader, admit->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, admit->user, WIRE_NAME_MAX);
        wire_get_text(&reader, admit->entry_id, WIRE_NAME_MAX);
        wire_get_text(&reader, admit->external_id, SYNC_ENTRY_ID_MAX);
        profile_get(&reader, &admit->profile);
        if (wire_read_end(&reader))
                return 0;
        *admit = (struct protocol_admit){ 0 };
        return -EBADMSG;
}

int protocol_send_admitted(struct channel *channel, const struct protocol_admitted *admitted) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_ADMITTED, 13 + TEXT_SIZE(admitted->entry_id), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, admitted->id);
        wire_put_u32(&writer, (uint32_t)admitted->state);
        wire_put_u8(&writer, admitted->active);
        wire_put_text(&writer, admitted->entry_id);
        return channel_end(channel, &writer, -1);
}

int protocol_get_admitted(const unsigned char *payload, size_t len, struct protocol_admitted *admitted) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *admitted = (struct protocol_admitted){ .id = wire_get_u64(&reader) };
        uint32_t state = wire_get_u32(&reader);
        admitted->active = get_flag(&reader);
        wire_get_text(&reader, admitted->entry_id, WIRE_NAME_MAX);
        if (wire_read_end(&reader) && state <= RECORD_OTHER) {
                admitted->state = (enum record_state)state;
                return 0;
        }
        *admitted = (struct protocol_admitted){ 0 };
        return -EBADMSG;
}
