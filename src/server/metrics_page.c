#include "server/metrics_page.h"

#include "base/file.h"
#include "base/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PROC_FILE_LIMIT_BYTES = 64 * 1024 };

static void append_sample(struct strbuf *page, const char *name, const char *type, const char *help,
                          double value)
{
    strbuf_append_format(page, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type,
                         name, value);
}

/* Fields 3 and on of /proc/self/stat, behind the name in parentheses (proc(5)). */
static bool read_stat(struct strbuf *content, char **ret_fields)
{
    struct error ignored;

    if (!file_read("/proc/self/stat", PROC_FILE_LIMIT_BYTES, content, &ignored) ||
        content->length == 0)
        return false;
    *ret_fields = strrchr(content->text, ')');
    return *ret_fields != NULL;
}

static double field_number(const char *fields, int number)
{
    /* `fields` begins at the ')' that ends field 2. */
    for (int i = 2; i < number && fields != NULL; i++)
        fields = strchr(fields + 1, ' ');
    return fields != NULL ? strtod(fields, NULL) : 0;
}

static double read_boot_time(void)
{
    struct timespec boot, now;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_sec - boot.tv_sec);
}

static void append_stat(struct strbuf *page)
{
    auto_strbuf struct strbuf content = {0};
    double ticks = (double)sysconf(_SC_CLK_TCK);
    char *fields;

    if (!read_stat(&content, &fields))
        return;
    append_sample(page, "process_cpu_seconds_total", "counter",
                  "Total user and system CPU time spent in seconds.",
                  (field_number(fields, 14) + field_number(fields, 15)) / ticks);
    append_sample(page, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
                  field_number(fields, 23));
    append_sample(page, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                  field_number(fields, 24) * (double)sysconf(_SC_PAGESIZE));
    append_sample(page, "process_start_time_seconds", "gauge",
                  "Start time of the process since unix epoch in seconds.",
                  read_boot_time() + field_number(fields, 22) / ticks);
}

static void append_descriptors(struct strbuf *page)
{
    DIR *folder = opendir("/proc/self/fd");
    struct rlimit limit;
    double count = 0;

    if (folder != NULL) {
        while (readdir(folder) != NULL)
            count++;
        closedir(folder);
        /* Less ".", ".." and the descriptor of the folder itself. */
        append_sample(page, "process_open_fds", "gauge", "Number of open file descriptors.",
                      count - 3);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        append_sample(page, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
                      (double)limit.rlim_cur);
}

void metrics_page_answer(void *context, const char *rest maybe_unused, bool is_verbose maybe_unused,
                         struct http_answer *answer)
{
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_render(context, &answer->body);
    append_stat(&answer->body);
    append_descriptors(&answer->body);
}
