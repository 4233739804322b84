#include "server/health.h"

#include <assert.h>
#include <string.h>

void health_add(struct health *health, const struct health_check *check)
{
    assert(health->count < HEALTH_CHECKS_LIMIT);
    health->checks[health->count++] = *check;
}

static void answer_one(const struct health *health, const char *name, struct http_answer *answer)
{
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->checks[i];

        if (strcmp(check->name, name) != 0)
            continue;
        answer->status = check->holds(check->context) ? 200 : 500;
        strbuf_append_text(&answer->body, answer->status == 200 ? "ok" : "failed");
        return;
    }
    answer->status = 404;
    strbuf_append_text(&answer->body, "no such check\n");
}

void health_answer(void *context, const char *rest, bool is_verbose, struct http_answer *answer)
{
    const struct health *health = context;
    struct strbuf details = {0};
    bool all_hold = true;

    if (rest[0] != '\0') {
        answer_one(health, rest, answer);
        return;
    }
    for (size_t i = 0; i < health->count; i++) {
        bool holds = health->checks[i].holds(health->checks[i].context);

        all_hold = all_hold && holds;
        strbuf_append_format(&details, "[%s]%s %s\n", holds ? "+" : "-", health->checks[i].name,
                             holds ? "ok" : "failed");
    }
    answer->status = all_hold ? 200 : 500;
    if (is_verbose || !all_hold)
        strbuf_append_text(&answer->body, strbuf_text(&details));
    strbuf_append_text(&answer->body, all_hold ? "ok" : "failed");
    strbuf_release(&details);
}
