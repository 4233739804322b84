#include "plan_fixture.h"

#include "support/test.h"

#include <string.h>

/* The cluster a thing is marked by, and the resource. */
static const char *cluster_of(enum thing thing)
{
    if (thing == FORMER_CLUSTERS)
        return "c-0";
    return thing == FOREIGN_CLUSTERS ? "c-2" : CLUSTER;
}

static const char *name_of(enum thing thing)
{
    if (thing == RELEASED)
        return "gone";
    return thing == OTHERS ? "other" : "app";
}

static struct engine_marker make_marker(enum thing thing)
{
    struct engine_marker marker = {0};

    if (thing == ABSENT || thing == UNMARKED)
        return marker;
    if (thing == PREDECESSORS) {
        marker.kind = ENGINE_MARKER_PREDECESSOR;
        return marker;
    }
    marker = (struct engine_marker){
        .kind = ENGINE_MARKER_OURS,
        .cluster = mem_strdup(cluster_of(thing)),
        .namespace_name = mem_strdup("team"),
        .name = mem_strdup(name_of(thing)),
        .uid = mem_strdup(thing == OLDER_UID ? "u-0" : "u-1"),
        .database = mem_strdup("1"),
    };
    return marker;
}

json_t *plan_fixture_make_tags(enum thing thing)
{
    json_t *tags = json_object();

    document_set_string(tags, "kept-by-somebody", "yes");
    if (thing == UNMARKED)
        return tags;
    document_set_string(tags, "ManagedBy", "database-user-operator");
    if (thing == PREDECESSORS)
        return tags;
    document_set_string(tags, TAG_OWNER_NAMESPACE, "team");
    document_set_string(tags, TAG_OWNER_NAME, name_of(thing));
    document_set_string(tags, TAG_CLUSTER, cluster_of(thing));
    return tags;
}

/* What is stored says what the members say. */
void plan_fixture_store(struct credentials *credentials)
{
    auto_secret struct secret value = {0};
    struct error err;

    json_decref(credentials->document);
    credentials->document = NULL;
    payload_render(credentials, &engine_postgres, "postgres", &value);
    assert_true(document_parse(secret_reveal(&value), value.length, &credentials->document, &err));
}

void plan_fixture_make_facts(const struct setup *setup, struct facts *facts)
{
    *facts = (struct facts){
        .server_known = true,
        .secret_known = true,
        .former_known = true,
        .privileges_known = true,
        .proof = setup->proof,
    };
    facts->engine = (struct engine_facts){
        .server_identity = mem_strdup("server-1"),
        .server_version = mem_strdup("Test 1"),
        .marks_users = true,
    };
    facts->engine.database = (struct engine_database_facts){
        .present = setup->database != ABSENT,
        .owner = mem_strdup("app"),
        .owned_by_target = true,
        .id = mem_strdup("1"),
        .marker = make_marker(setup->database),
    };
    facts->engine.user = (struct engine_user_facts){
        .present = setup->user != ABSENT,
        .can_log_in = true,
        .is_administered = true,
        .id = mem_strdup("2"),
        .marker = make_marker(setup->user),
    };
    if (setup->secret == ABSENT)
        return;
    facts->secret.state = SECRET_PRESENT;
    facts->secret.is_readable = true;
    facts->secret.description = (struct secret_description){
        .arn = mem_strdup("arn:1"),
        .name = mem_strdup("rds/postgres/app"),
        .description = mem_strdup("Database credentials for app"),
        .current_version = mem_strdup("v-1"),
        .tags = plan_fixture_make_tags(setup->secret),
    };
    facts->secret.credentials = (struct credentials){
        .host = mem_strdup("db.example.com"),
        .port = 5432,
        .database = mem_strdup("app"),
        .username = mem_strdup("app"),
        .format_version = "v2",
    };
    secret_set_text(&facts->secret.credentials.password, "p");
    plan_fixture_store(&facts->secret.credentials);
}

void plan_fixture_make_database(struct database *database)
{
    *database = (struct database){
        .namespace_name = mem_strdup("team"),
        .name = mem_strdup("app"),
        .uid = mem_strdup("u-1"),
        .resource_version = mem_strdup("7"),
        .generation = 1,
        .spec =
            {
                .engine = mem_strdup("postgres"),
                .database_name = mem_strdup("app"),
                .username = mem_strdup("app"),
                .secret_name = mem_strdup("rds/postgres/app"),
                .description = mem_strdup("Database credentials for app"),
                .privileges.all = true,
                .retain_on_delete = true,
            },
    };
}

void plan_fixture_replace(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup_or_null(text);
}

void plan_fixture_run(const struct setup *setup,
                      void (*check)(void *context, const struct plan_input *input), void *context)
{
    auto_json json_t *released = json_pack("[s]", CLUSTER " team/gone");
    struct owner owner = {CLUSTER, "team", "app", "u-1", "c-0", released};
    struct connection_string server = {
        .hosts = {{.host = mem_strdup("db.example.com"), .port = 5432}}, .host_count = 1};
    auto_database struct database database = {0};
    auto_database_status struct database_status status = {0};
    auto_facts struct facts facts = {0};
    struct plan_input input = {
        .database = &database,
        .status = &status,
        .owner = &owner,
        .server = &server,
        .region = "us-east-1",
        .facts = &facts,
    };

    plan_fixture_make_database(&database);
    plan_fixture_make_facts(setup, &facts);
    if (setup->change != NULL)
        setup->change(&input, &facts, &database, &status);
    check(context, &input);
    free(server.hosts[0].host);
    free(server.hosts[1].host);
}

/* --- Rows of the state table ----------------------------------------------------------------- */

void plan_fixture_render_steps(const struct plan *plan, char *steps)
{
    static const char letters[PLAN_STEP_COUNT] = {
        [PLAN_CREATE_SECRET] = 'S',  [PLAN_RESTORE_SECRET] = 'R',
        [PLAN_CREATE_USER] = 'U',    [PLAN_CREATE_DATABASE] = 'D',
        [PLAN_GRANT] = 'G',          [PLAN_SET_PRIVILEGES] = 'V',
        [PLAN_REWRITE_SECRET] = 'W', [PLAN_MARK] = 'M',
        [PLAN_COPY_SECRET] = 'C',    [PLAN_DELETE_FORMER] = 'X',
        [PLAN_PROVE_LOGIN] = 'P',    [PLAN_TAG_SECRET] = 't',
        [PLAN_UNTAG_SECRET] = 'u',   [PLAN_DESCRIBE_SECRET] = 'd',
        [PLAN_RESET_SECRET] = 'r',   [PLAN_SET_PASSWORD] = 'p',
    };

    for (size_t i = 0; i < plan->count; i++)
        steps[i] = letters[plan->steps[i]] != '\0' ? letters[plan->steps[i]] : '?';
    steps[plan->count] = '\0';
}

static void check_row(const struct plan_row *row, const struct plan *plan)
{
    char steps[PLAN_STEPS_LIMIT + 1];
    const char *reason = plan->refusal.reason;

    plan_fixture_render_steps(plan, steps);
    if (strcmp(steps, row->steps) != 0)
        fail_msg("%s: steps are '%s', not '%s' (refusal: %s)", row->name, steps, row->steps,
                 reason != NULL ? plan->refusal.error.message : "none");
    if ((reason == NULL) != (row->reason == NULL) ||
        (reason != NULL && strcmp(reason, row->reason) != 0))
        fail_msg("%s: reason is %s, not %s", row->name, reason, row->reason);
    if (row->setup.secret == UNMARKED && reason != NULL &&
        strstr(plan->refusal.error.message, "billing") != NULL)
        fail_msg("%s: a secret that is not ours is quoted", row->name);
    if (row->message_part != NULL && strstr(plan->refusal.error.message, row->message_part) == NULL)
        fail_msg("%s: '%s' does not say '%s'", row->name, plan->refusal.error.message,
                 row->message_part);
}

static void check_plan(void *context, const struct plan_input *input)
{
    const struct plan_row *row = context;
    struct plan plan;

    plan_make(input, &plan);
    check_row(row, &plan);
}

void plan_fixture_check_row(const struct plan_row *row)
{
    plan_fixture_run(&row->setup, check_plan, (void *)(uintptr_t)row);
}
