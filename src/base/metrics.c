/*
 * Families and series are short linked lists behind one lock: label values come from small fixed
 * sets, so a search looks at a handful of entries and no index would pay for itself.
 */
#include "base/metrics.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct series {
    struct series *next;
    char *label_values[METRIC_LABELS_LIMIT];
    double value;    /* of a histogram: the sum of what was observed */
    uint64_t count;  /* of a histogram: how many were observed */
    uint64_t *fills; /* of a histogram: one for each bucket, not cumulative */
};

struct metric_family {
    struct metric_family *next;
    struct metrics *metrics;
    const struct metric_description *description;
    size_t label_count;
    struct series *series; /* guarded by metrics->lock, as all below it */
    size_t series_count;
};

struct collector {
    struct collector *next;
    metrics_collect_fn collect;
    void *context;
};

struct metrics {
    pthread_mutex_t lock;
    struct metric_family *families; /* guarded by lock, as all below it */
    struct collector *collectors;
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = mem_alloc(sizeof *metrics);

    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void free_series(struct series *series)
{
    for (size_t i = 0; i < METRIC_LABELS_LIMIT; i++)
        free(series->label_values[i]);
    free(series->fills);
    free(series);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    while (metrics->families != NULL) {
        struct metric_family *family = metrics->families;

        metrics->families = family->next;
        while (family->series != NULL) {
            struct series *series = family->series;

            family->series = series->next;
            free_series(series);
        }
        free(family);
    }
    while (metrics->collectors != NULL) {
        struct collector *collector = metrics->collectors;

        metrics->collectors = collector->next;
        free(collector);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static struct metric_family *make_family(struct metrics *metrics,
                                         const struct metric_description *description)
{
    struct metric_family *family = mem_alloc(sizeof *family);

    family->metrics = metrics;
    family->description = description;
    while (family->label_count < METRIC_LABELS_LIMIT &&
           description->labels[family->label_count] != NULL)
        family->label_count++;
    return family;
}

struct metric_family *metrics_family(struct metrics *metrics,
                                     const struct metric_description *description)
{
    struct metric_family **link;

    if (metrics == NULL)
        return NULL;
    pthread_mutex_lock(&metrics->lock);
    link = &metrics->families;
    while (*link != NULL && strcmp((*link)->description->name, description->name) != 0)
        link = &(*link)->next;
    if (*link == NULL)
        *link = make_family(metrics, description);
    assert((*link)->description->type == description->type);
    pthread_mutex_unlock(&metrics->lock);
    return *link;
}

void metrics_add_collector(struct metrics *metrics, metrics_collect_fn collect, void *context)
{
    struct collector *collector;

    if (metrics == NULL)
        return;
    collector = mem_alloc(sizeof *collector);
    pthread_mutex_lock(&metrics->lock);
    *collector = (struct collector){metrics->collectors, collect, context};
    metrics->collectors = collector;
    pthread_mutex_unlock(&metrics->lock);
}

static bool has_label_values(const struct metric_family *family, const struct series *series,
                             const char *const *values)
{
    for (size_t i = 0; i < family->label_count; i++)
        if (strcmp(series->label_values[i], values[i]) != 0)
            return false;
    return true;
}

/* Where the series is, or where it is to be added. */
static struct series **find_place(struct metric_family *family, const char *const *values)
{
    struct series **link = &family->series;

    while (*link != NULL && !has_label_values(family, *link, values))
        link = &(*link)->next;
    return link;
}

static bool is_full(const struct metric_family *family)
{
    size_t limit = family->description->series_limit;

    return family->series_count >= (limit > 0 ? limit : METRIC_SERIES_DEFAULT);
}

static struct series *make_series(struct metric_family *family, const char *const *values)
{
    struct series *series = mem_alloc(sizeof *series);

    for (size_t i = 0; i < family->label_count; i++)
        series->label_values[i] = mem_strdup(values[i]);
    if (family->description->type == METRIC_HISTOGRAM)
        series->fills = mem_alloc_array(family->description->bucket_count, sizeof(uint64_t));
    family->series_count++;
    return series;
}

/* Finds or makes the series of these label values; called under the lock.  Once a family is full it
 * stays so, and nothing is ever removed: what is added to a gauge is taken off the same series. */
static struct series *find_series(struct metric_family *family, va_list args)
{
    static const char *const others[METRIC_LABELS_LIMIT] = {"other", "other", "other", "other"};
    const char *values[METRIC_LABELS_LIMIT];
    struct series **link;
    size_t given = 0;
    const char *value;

    while ((value = va_arg(args, const char *)) != NULL) {
        assert(given < family->label_count);
        values[given++] = value;
    }
    assert(given == family->label_count);
    link = find_place(family, values);
    if (*link == NULL && is_full(family)) {
        memcpy(values, others, sizeof values);
        link = find_place(family, values);
    }
    if (*link == NULL)
        *link = make_series(family, values);
    return *link;
}

void metric_touch(struct metric_family *family, ...)
{
    va_list args;

    if (family == NULL)
        return;
    va_start(args, family);
    pthread_mutex_lock(&family->metrics->lock);
    find_series(family, args);
    pthread_mutex_unlock(&family->metrics->lock);
    va_end(args);
}

void metric_add(struct metric_family *family, double amount, ...)
{
    va_list args;

    if (family == NULL)
        return;
    assert(family->description->type == METRIC_GAUGE ||
           (family->description->type == METRIC_COUNTER && amount >= 0));
    va_start(args, amount);
    pthread_mutex_lock(&family->metrics->lock);
    find_series(family, args)->value += amount;
    pthread_mutex_unlock(&family->metrics->lock);
    va_end(args);
}

void metric_set(struct metric_family *family, double value, ...)
{
    va_list args;

    if (family == NULL)
        return;
    assert(family->description->type != METRIC_HISTOGRAM);
    va_start(args, value);
    pthread_mutex_lock(&family->metrics->lock);
    find_series(family, args)->value = value;
    pthread_mutex_unlock(&family->metrics->lock);
    va_end(args);
}

void metric_observe(struct metric_family *family, double value, ...)
{
    const struct metric_description *description;
    struct series *series;
    size_t bucket = 0;
    va_list args;

    if (family == NULL)
        return;
    description = family->description;
    assert(description->type == METRIC_HISTOGRAM);
    while (bucket < description->bucket_count && value > description->buckets[bucket])
        bucket++;
    va_start(args, value);
    pthread_mutex_lock(&family->metrics->lock);
    series = find_series(family, args);
    series->value += value;
    series->count++;
    if (bucket < description->bucket_count)
        series->fills[bucket]++;
    pthread_mutex_unlock(&family->metrics->lock);
    va_end(args);
}

/* ---- rendering ---- */

/* The shortest form that reads back as the same number. */
static void append_number(struct strbuf *buf, double number)
{
    char text[32];

    if (isnan(number) || isinf(number)) {
        strbuf_append_text(buf, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        if (strtod(text, NULL) >= number && strtod(text, NULL) <= number)
            break;
    }
    strbuf_append_text(buf, text);
}

static void append_escaped(struct strbuf *buf, const char *text, bool quotes)
{
    auto_strbuf struct strbuf valid = {0};

    strbuf_append_utf8(&valid, text, strlen(text));
    for (const char *c = strbuf_text(&valid); *c != '\0'; c++) {
        if (*c == '\n') {
            strbuf_append_text(buf, "\\n");
            continue;
        }
        if (*c == '\\' || (quotes && *c == '"'))
            strbuf_append_char(buf, '\\');
        strbuf_append_char(buf, *c);
    }
}

/* One sample; `bucket` is the value of the label "le", or NULL. */
static void append_sample(struct strbuf *buf, const struct metric_family *family,
                          const struct series *series, const char *suffix, const double *bucket,
                          double value)
{
    const char *separator = "{";

    strbuf_append_format(buf, "%s%s", family->description->name, suffix);
    for (size_t i = 0; i < family->label_count; i++) {
        strbuf_append_format(buf, "%s%s=\"", separator, family->description->labels[i]);
        append_escaped(buf, series->label_values[i], true);
        strbuf_append_char(buf, '"');
        separator = ",";
    }
    if (bucket != NULL) {
        strbuf_append_format(buf, "%sle=\"", separator);
        append_number(buf, *bucket);
        strbuf_append_char(buf, '"');
        separator = ",";
    }
    strbuf_append_text(buf, separator[0] == ',' ? "} " : " ");
    append_number(buf, value);
    strbuf_append_char(buf, '\n');
}

static void append_histogram(struct strbuf *buf, const struct metric_family *family,
                             const struct series *series)
{
    const struct metric_description *description = family->description;
    const double infinity = INFINITY;
    uint64_t cumulative = 0;

    for (size_t i = 0; i < description->bucket_count; i++) {
        cumulative += series->fills[i];
        append_sample(buf, family, series, "_bucket", &description->buckets[i], (double)cumulative);
    }
    append_sample(buf, family, series, "_bucket", &infinity, (double)series->count);
    append_sample(buf, family, series, "_sum", NULL, series->value);
    append_sample(buf, family, series, "_count", NULL, (double)series->count);
}

static void append_family(struct strbuf *buf, const struct metric_family *family)
{
    static const char *const type_names[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    const struct metric_description *description = family->description;

    strbuf_append_format(buf, "# HELP %s ", description->name);
    append_escaped(buf, description->help, false);
    strbuf_append_format(buf, "\n# TYPE %s %s\n", description->name, type_names[description->type]);
    for (const struct series *series = family->series; series != NULL; series = series->next) {
        if (description->type == METRIC_HISTOGRAM)
            append_histogram(buf, family, series);
        else
            append_sample(buf, family, series, "", NULL, series->value);
    }
}

/* Collectors are added before anybody renders, and only at the head: the list that is read here is
 * complete and does not change. */
static void collect_all(struct metrics *metrics)
{
    const struct collector *collector;

    pthread_mutex_lock(&metrics->lock);
    collector = metrics->collectors;
    pthread_mutex_unlock(&metrics->lock);
    for (; collector != NULL; collector = collector->next)
        collector->collect(collector->context);
}

void metrics_render(struct metrics *metrics, struct strbuf *buf)
{
    collect_all(metrics);
    pthread_mutex_lock(&metrics->lock);
    for (const struct metric_family *family = metrics->families; family != NULL;
         family = family->next)
        if (family->series != NULL)
            append_family(buf, family);
    pthread_mutex_unlock(&metrics->lock);
}
