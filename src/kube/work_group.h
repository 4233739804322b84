/*
 * Groups of work items, of which only so many are worked on at once, and where their ready items
 * wait.  Used by workqueue.c alone, under its lock.
 *
 * Groups that are suspected share a few workers that do nothing else, so that nobody else waits for
 * them, and those of which nothing is known yet leave some of the other workers free.  A group that
 * is not trusted is tried by one worker at a time.
 */
#ifndef KUBE_WORK_GROUP_H
#define KUBE_WORK_GROUP_H

#include "kube/hash_table.h"
#include "kube/work_item.h"
#include "kube/workqueue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_group {
    struct hash_link link;
    struct work_heap ready; /* its items whose time has come */
    enum kube_standing standing;
    size_t running;    /* how many workers are in it */
    size_t references; /* of items */
    uint64_t wakes;    /* how often it was woken */
    char name[];
};

struct work_groups {
    struct hash_table table;
    size_t limit;                       /* of each trusted group */
    size_t totals[KUBE_STANDING_COUNT]; /* limits over all groups */
    size_t running[KUBE_STANDING_COUNT];
};

void work_groups_init(struct work_groups *groups, size_t limit, size_t worker_count);
/* Frees the groups as well; their items must be gone. */
void work_groups_release(struct work_groups *groups);

/* Or NULL. */
struct work_group *work_groups_find(const struct work_groups *groups, const char *name);
/* Gives the item that is in no heap and in no group another one, whose slots it does not take. */
void work_groups_join(struct work_groups *groups, struct work_item *item, const char *name);
/* Takes the item out of its group, if any; the last one ends the group. */
void work_groups_leave(struct work_groups *groups, struct work_item *item);

bool work_groups_have_room(const struct work_groups *groups, const struct work_group *group);
/* The item of a group takes one of its slots, or gives it back. */
void work_groups_take_slot(struct work_groups *groups, struct work_item *item);
void work_groups_free_slot(struct work_groups *groups, struct work_item *item);
void work_groups_set_standing(struct work_groups *groups, struct work_group *group,
                              enum kube_standing standing);

/* Which comes first of `best` (NULL = none) and the ready items of groups that have room.  Looks at
 * every group: there are as many as servers. */
struct work_item *work_groups_first_ready(const struct work_groups *groups, struct work_item *best,
                                          bool only_suspects);

#endif
