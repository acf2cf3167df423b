/* The table of commands: words, arguments, options, who answers, one line of help. Everything else follows from it: parsing, help, requests.
 * Relies on: ctl.h.
 * Must never: hold logic. */
#include "multidirctl/ctl.h"

#define ONE(name, text) { ARGUMENT_ONE, name, text }
#define MAYBE(name, text) { ARGUMENT_OPTIONAL, name, text }
#define MANY(name, text) { ARGUMENT_MANY, name, text }
#define SCOPE OPTION_SCOPE
#define FIELDS OPTION_USER_FIELDS

const struct command commands[] = {
        { "check", { MAYBE("file", "FILE") }, 0, check_run, render_check, "read the configuration, or FILE alone, and name every error" },
        { "status", { { 0 } }, 0, NULL, render_status, "the service, the view and each directory's state" },
        { "reload", { { 0 } }, OPTION_FORCE, NULL, render_changes, "read the configuration again; one with errors is refused and the old one stays" },
        { "enable", { { 0 } }, 0, enable_run, render_changes, "put multidir into nsswitch.conf and PAM" },
        { "disable", { { 0 } }, 0, disable_run, render_changes, "take multidir out of nsswitch.conf and PAM again" },

        { "directory list", { { 0 } }, 0, NULL, render_status, "the directories" },
        { "directory show", { ONE("directory", "DIRECTORY") }, 0, NULL, render_directory, "a directory's state, its settings and where each comes from" },
        { "directory test", { ONE("directory", "DIRECTORY"), MAYBE("user", "USER") }, OPTION_PASSWORD_STDIN, NULL, NULL,
          "ask a directory whether it answers, and has USER with the password from standard input" },
        { "directory sync", { MAYBE("directory", "DIRECTORY") }, OPTION_FULL, NULL, render_status, "read a directory again, or all of them, and publish" },
        { "application list", { { 0 } }, 0, NULL, NULL, "the applications" },
        { "application show", { ONE("application", "APPLICATION") }, 0, NULL, NULL, "an application's settings and mappings" },
        { "application set", { ONE("application", "APPLICATION[/DIRECTORY]"), MANY("settings", "KEY=VALUE") }, 0, application_set_run, render_changes,
          "change settings of an application, or of one of its mappings, at run time" },
        { "permission list", { { 0 } }, 0, permission_list_run, NULL, "each directory's permissions, and each application's for it" },
        { "permission set", { ONE("directory", "DIRECTORY"), ONE("permission", "PERMISSION"), ONE("state", "on|off") }, OPTION_APPLICATION,
          permission_set_run, render_changes, "the directory's level; with --application, that application's" },

        { "user list", { { 0 } }, SCOPE, NULL, render_names, "the users" },
        { "user show", { ONE("user", "USER") }, SCOPE, NULL, NULL, "a user: owner, ids, groups, access" },
        { "user add", { ONE("user", "USER") }, SCOPE | FIELDS, NULL, render_changes, "add a user" },
        { "user modify", { ONE("user", "USER") }, SCOPE | FIELDS, NULL, render_changes, "change a user's fields" },
        { "user rename", { ONE("user", "USER"), ONE("new_name", "NEW-NAME") }, SCOPE, NULL, render_changes, "give a user another name" },
        { "user remove", { ONE("user", "USER") }, SCOPE | OPTION_UNMASK, NULL, render_changes, "remove a user" },
        { "user password", { ONE("user", "USER") }, SCOPE | OPTION_PASSWORD_STDIN, NULL, render_changes, "set a user's password; asks for it on a terminal" },
        { "user activate", { ONE("user", "USER") }, SCOPE, NULL, render_changes, "let a user log in again" },
        { "user deactivate", { ONE("user", "USER") }, SCOPE, NULL, render_changes, "let a user log in no more" },
        { "user import", { ONE("file", "FILE") }, OPTION_DIRECTORY | OPTION_DRY_RUN | OPTION_IGNORE_IDS, user_import_run, render_import,
          "add the users of a CSV or LDIF file, all or none" },

        { "group list", { { 0 } }, SCOPE, NULL, render_names, "the groups" },
        { "group show", { ONE("group", "GROUP") }, SCOPE, NULL, NULL, "a group: owner, id, members" },
        { "group add", { ONE("group", "GROUP") }, SCOPE | OPTION_GID | OPTION_DESCRIPTION, NULL, render_changes, "add a group" },
        { "group modify", { ONE("group", "GROUP") }, SCOPE | OPTION_GID | OPTION_DESCRIPTION, NULL, render_changes, "change a group's fields" },
        { "group remove", { ONE("group", "GROUP") }, SCOPE, NULL, render_changes, "remove a group" },
        { "group import", { ONE("file", "FILE") }, OPTION_DIRECTORY | OPTION_DRY_RUN | OPTION_IGNORE_IDS, group_import_run, render_import,
          "add the groups of a CSV or LDIF file, all or none" },
        { "member add", { ONE("group", "GROUP"), MANY("names", "NAME") }, SCOPE | OPTION_MEMBER_GROUP, NULL, render_changes, "add members to a group" },
        { "member remove", { ONE("group", "GROUP"), MANY("names", "NAME") }, SCOPE | OPTION_MEMBER_GROUP, NULL, render_changes, "take members out of a group" },

        { "explain login", { ONE("user", "USER") }, OPTION_APPLICATION | OPTION_SERVICE | OPTION_PASSWORD_STDIN, NULL, render_explain_login,
          "the chain of rules that lets a user in or not (exit 0 or 1)" },
        { "explain groups", { ONE("user", "USER") }, SCOPE, NULL, NULL, "why a user is in which groups" },
        { "explain group", { ONE("group", "GROUP") }, SCOPE, NULL, NULL, "why a group has which members" },
        { "explain update", { MANY("update", "COMMAND") }, SCOPE | FIELDS | OPTION_UNMASK | OPTION_DESCRIPTION | OPTION_MEMBER_GROUP, NULL, NULL,
          "what a change (user add …, member add …) would do, without doing it" },
        { "masked", { { 0 } }, 0, NULL, NULL, "every name and id that is not published, and why" },
        { "accept", { ONE("name", "NAME") }, OPTION_ACCEPT_GROUP, NULL, render_changes, "publish a name that was withheld because its owner changed" },

        { "view list", { { 0 } }, 0, view_list_run, NULL, "the views that are kept" },
        { "view diff", { MAYBE("from", "A"), MAYBE("to", "B") }, 0, view_diff_run, render_view_diff,
          "what changed from view A (else the one before) to view B (else the current one)" },
        { "view rollback", { MAYBE("generation", "A") }, OPTION_END, NULL, render_changes, "publish view A again until --end" },
        { "ssh-keys", { ONE("user", "USER") }, 0, ssh_keys_run, render_ssh_keys, "a user's SSH public keys, for sshd's AuthorizedKeysCommand" },
        { NULL, { { 0 } }, 0, NULL, NULL, NULL },
};
