#include "controller/events.h"

#include "base/utf8.h"
#include "controller/pass.h"
#include "kube/event_recorder.h"

#include <stdarg.h>
#include <stdio.h>

enum { NOTE_SIZE = ERROR_MESSAGE_SIZE };

/* How each kind shows; `repairs` marks what is drift under a resource that was Ready. */
static const struct event_row {
    const char *reason;
    const char *action;
    bool is_warning;
    bool repairs;
} rows[EVENT_KIND_COUNT] = {
    [EVENT_PASSWORD_STORED] = {"PasswordStored", "StorePassword", false, false},
    [EVENT_PASSWORD_RESET] = {"PasswordReset", "ResetPassword", false, false},
    [EVENT_CREATED] = {"Created", "Create", false, true},
    [EVENT_PRIVILEGES_CHANGED] = {"PrivilegesChanged", "SetPrivileges", false, true},
    [EVENT_SECRET_CHANGED] = {"SecretChanged", "UpdateSecret", false, false},
    [EVENT_SECRET_RESTORED] = {"SecretRestored", "RestoreSecret", false, true},
    [EVENT_SECRET_MOVED] = {"SecretMoved", "MoveSecret", false, false},
    [EVENT_TAKEN_OVER] = {"TakenOver", "TakeOver", false, false},
    [EVENT_SUSPENDED] = {"Suspended", "Reconcile", false, false},
    [EVENT_READY] = {"Ready", "Reconcile", false, false},
    [EVENT_LOCKED] = {"UserLocked", "Delete", false, false},
    [EVENT_UNLOCKED] = {"UserUnlocked", "Unlock", false, false},
    [EVENT_DROPPED] = {"Dropped", "Delete", false, false},
    [EVENT_SECRET_DELETED] = {"SecretDeleted", "Delete", false, false},
    [EVENT_DELETED] = {"Deleted", "Delete", false, false},
    [EVENT_ABANDONED] = {"Abandoned", "Delete", true, false},
};

static const struct event_row drift = {"Drift", "Repair", true, false};
static const struct event_row deletion_blocked = {"DeletionBlocked", "Delete", true, false};

static void record(const struct pass *pass, const struct event_row *row, const char *note)
{
    const struct database *database = &pass->database;
    struct kube_event event = {
        .api_version = DATABASE_API_VERSION,
        .kind = DATABASE_KIND,
        .namespace_name = database->namespace_name,
        .name = database->name,
        .uid = database->uid,
        .resource_version = database->resource_version,
        .is_warning = row->is_warning,
        .reason = row->reason,
        .action = row->action,
        .note = note,
    };

    kube_event_recorder_record(pass->reconciler->events, &event);
}

void events_tell(const struct pass *pass, enum event_kind kind, const char *format, ...)
{
    const struct event_row *row = &rows[kind];
    char note[NOTE_SIZE];
    va_list args;

    va_start(args, format);
    utf8_mark_truncation(note, sizeof note, vsnprintf(note, sizeof note, format, args));
    va_end(args);
    if (row->is_warning)
        log_warning(&pass->log, "%s", note);
    else
        log_info(&pass->log, "%s", note);
    if (row->repairs && pass->was_ready) {
        reconcile_metrics_note_drift(&pass->reconciler->metrics, row->reason);
        row = &drift;
    }
    record(pass, row, note);
}

void events_tell_failure(const struct pass *pass, const struct failure *failure)
{
    struct event_row row = {failure->reason, "Reconcile", true, false};

    record(pass, pass->database.deleting ? &deletion_blocked : &row, failure->error.message);
}
