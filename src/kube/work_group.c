#include "kube/work_group.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void work_groups_init(struct work_groups *groups, size_t limit, size_t worker_count)
{
    size_t for_unknown = worker_count > 1 ? worker_count * 3 / 4 : 1;

    groups->limit = limit > 0 ? limit : SIZE_MAX;
    groups->totals[KUBE_STANDING_UNKNOWN] = worker_count > 0 ? for_unknown : SIZE_MAX;
    groups->totals[KUBE_STANDING_SUSPECT] =
        worker_count > 0 ? kube_workqueue_threads(worker_count) - worker_count : SIZE_MAX;
    groups->totals[KUBE_STANDING_TRUSTED] = SIZE_MAX;
}

static void free_group(struct work_groups *groups, struct work_group *group)
{
    hash_table_remove(&groups->table, &group->link);
    work_heap_release(&group->ready);
    free(group);
}

void work_groups_release(struct work_groups *groups)
{
    struct hash_link *link;

    while ((link = hash_table_next(&groups->table, NULL)) != NULL)
        free_group(groups, hash_entry(link, struct work_group, link));
    hash_table_release(&groups->table);
}

static bool has_name(const struct hash_link *link, const void *name)
{
    return strcmp(hash_entry(link, struct work_group, link)->name, name) == 0;
}

struct work_group *work_groups_find(const struct work_groups *groups, const char *name)
{
    struct hash_link *link =
        hash_table_find(&groups->table, hash_texts(name, NULL), has_name, name);

    return link != NULL ? hash_entry(link, struct work_group, link) : NULL;
}

static struct work_group *make_group(struct work_groups *groups, const char *name)
{
    size_t size = strlen(name) + 1;
    struct work_group *group = mem_alloc(sizeof *group + size);

    memcpy(group->name, name, size);
    group->ready.comes_before = work_ready_before;
    hash_table_insert(&groups->table, &group->link, hash_texts(name, NULL));
    return group;
}

void work_groups_join(struct work_groups *groups, struct work_item *item, const char *name)
{
    struct work_group *group = work_groups_find(groups, name);

    item->group = group != NULL ? group : make_group(groups, name);
    item->group->references++;
}

void work_groups_leave(struct work_groups *groups, struct work_item *item)
{
    struct work_group *group = item->group;

    if (group == NULL)
        return;
    work_groups_free_slot(groups, item);
    item->group = NULL;
    group->references--;
    if (group->references == 0)
        free_group(groups, group);
}

bool work_groups_have_room(const struct work_groups *groups, const struct work_group *group)
{
    return group->running < (group->standing == KUBE_STANDING_TRUSTED ? groups->limit : 1) &&
           groups->running[group->standing] < groups->totals[group->standing];
}

void work_groups_take_slot(struct work_groups *groups, struct work_item *item)
{
    assert(!item->has_slot);
    item->has_slot = true;
    item->group->running++;
    groups->running[item->group->standing]++;
}

void work_groups_free_slot(struct work_groups *groups, struct work_item *item)
{
    if (!item->has_slot)
        return;
    item->has_slot = false;
    item->group->running--;
    groups->running[item->group->standing]--;
}

void work_groups_set_standing(struct work_groups *groups, struct work_group *group,
                              enum kube_standing standing)
{
    groups->running[group->standing] -= group->running;
    group->standing = standing;
    groups->running[group->standing] += group->running;
}

struct work_item *work_groups_first_ready(const struct work_groups *groups, struct work_item *best,
                                          bool only_suspects)
{
    struct hash_link *link = NULL;

    while ((link = hash_table_next(&groups->table, link)) != NULL) {
        const struct work_group *group = hash_entry(link, struct work_group, link);
        struct work_item *first = work_heap_top(&group->ready);

        if (first != NULL && (best == NULL || work_ready_before(first, best)) &&
            (!only_suspects || group->standing == KUBE_STANDING_SUSPECT) &&
            work_groups_have_room(groups, group))
            best = first;
    }
    return best;
}
