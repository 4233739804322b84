#include "controller/transfer.h"

#include "base/memory.h"
#include "controller/plan.h"

#include <string.h>

enum { TAG_VALUE_LIMIT = 256 };

const char *transfer_target(const struct database *database)
{
    return database_annotation(database, ANNOTATION_TRANSFER_TO);
}

/* Both are DNS names, which tags of AWS may hold. */
static bool is_resource(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t namespace_length = strspn(text, allowed);
    const char *name = text + namespace_length + 1;

    return namespace_length > 0 && text[namespace_length] == '/' && name[0] != '\0' &&
           name[strspn(name, allowed)] == '\0' && strlen(text) <= TAG_VALUE_LIMIT;
}

bool transfer_check_target(const struct database *database, struct failure *ret_refusal)
{
    auto_free char *itself = mem_printf("%s/%s", database->namespace_name, database->name);
    const char *target = transfer_target(database);

    if (target == NULL || (is_resource(target) && strcmp(target, itself) != 0))
        return true;
    return failure_set(ret_refusal, ERROR_INVALID, "InvalidAnnotation",
                       "the annotation " ANNOTATION_TRANSFER_TO
                       " must be <namespace>/<name> of another Database, at most %d characters: "
                       "correct or remove it",
                       TAG_VALUE_LIMIT);
}

bool transfer_check_pending(const struct plan_input *input, struct failure *ret_refusal)
{
    const char *target = transfer_target(input->database);
    const struct facts *facts = input->facts;

    if (target == NULL ||
        !(ownership_tags_are_for(facts->secret.description.tags, target, input->owner) ||
          ownership_marker_is_for(&facts->engine.database.marker, target, input->owner) ||
          ownership_marker_is_for(&facts->engine.user.marker, target, input->owner)))
        return true;
    return failure_set(
        ret_refusal, ERROR_INVALID, "Transferred",
        "Database %s has taken over database '%s', user '%s' and secret '%s': delete "
        "this resource; nothing is dropped with it",
        target, input->database->spec.database_name, input->database->spec.username,
        input->database->spec.secret_name);
}

void transfer_add_tag_changes(const struct plan_input *input, json_t *set, json_t *remove)
{
    const char *now = document_string(input->facts->secret.description.tags, TAG_TRANSFER_TO);
    const char *target = transfer_target(input->database);
    const char *remembered = input->status->transfer_to;

    if (target != NULL && (now == NULL || strcmp(now, target) != 0))
        document_set_string(set, TAG_TRANSFER_TO, target);
    if (target == NULL && now != NULL && remembered != NULL && strcmp(now, remembered) == 0)
        json_array_append_new(remove, json_string(TAG_TRANSFER_TO));
}
