/*
 * What the tests of the plans decide about: a resource, what exists for it, and whose it is.
 */
#ifndef TESTS_UNIT_CONTROLLER_PLAN_FIXTURE_H
#define TESTS_UNIT_CONTROLLER_PLAN_FIXTURE_H

#include "base/memory.h"
#include "controller/plan.h"

#define CLUSTER "c-1"

/* Which of the three exist, and whose mark they carry. */
enum thing {
    ABSENT,
    UNMARKED,
    OURS,
    OLDER_UID,
    RELEASED,
    FORMER_CLUSTERS,
    OTHERS,
    PREDECESSORS,
    FOREIGN_CLUSTERS
};

struct setup {
    enum thing database;
    enum thing user;
    enum thing secret;
    enum proof_state proof;
    /* What is unusual; applied after the above. */
    void (*change)(struct plan_input *input, struct facts *facts, struct database *database,
                   struct database_status *status);
};

/* Calls `check` with what the setup describes. */
void plan_fixture_run(const struct setup *setup,
                      void (*check)(void *context, const struct plan_input *input), void *context);

/* A row of the state table. */
struct plan_row {
    const char *name;
    struct setup setup;
    const char *steps;        /* letters of plan_fixture_render_steps(), "" = nothing to do */
    const char *reason;       /* NULL = not refused */
    const char *message_part; /* of the refusal */
};

/* Makes the plan and compares it. */
void plan_fixture_check_row(const struct plan_row *row);
/* One letter a step; `steps` holds PLAN_STEPS_LIMIT + 1. */
void plan_fixture_render_steps(const struct plan *plan, char *steps);

void plan_fixture_make_facts(const struct setup *setup, struct facts *facts);
void plan_fixture_make_database(struct database *database);
json_t *plan_fixture_make_tags(enum thing thing);
/* What is stored says what the members say. */
void plan_fixture_store(struct credentials *credentials);
void plan_fixture_replace(char **member, const char *text);

#define CHANGE(name)                                                                          \
    static void name(struct plan_input *input maybe_unused, struct facts *facts maybe_unused, \
                     struct database *database maybe_unused,                                  \
                     struct database_status *status maybe_unused)

#endif
