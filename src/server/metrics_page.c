#include "server/metrics_page.h"

#include "base/file.h"
#include "base/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* /proc/stat has a number for each interrupt of the machine. */
enum { PROC_FILE_LIMIT_BYTES = 4 * 1024 * 1024 };

static void append_sample(struct strbuf *page, const char *name, const char *type, const char *help,
                          double value)
{
    strbuf_append_format(page, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type,
                         name, value);
}

static bool read_proc_file(const char *path, struct strbuf *content)
{
    struct error ignored;

    return file_read(path, PROC_FILE_LIMIT_BYTES, content, &ignored);
}

/* A field of /proc/self/stat (proc(5)); `fields` begins at the ')' that ends field 2, the name. */
static double field_number(const char *fields, int number)
{
    for (int i = 2; i < number && fields != NULL; i++)
        fields = strchr(fields + 1, ' ');
    return fields != NULL ? strtod(fields, NULL) : 0;
}

/* The kernel's own number: one made of two clocks differs from read to read, and a start time that
 * changes looks like a restart. */
static bool read_boot_time(double *ret_seconds)
{
    static const char name[] = "\nbtime ";
    auto_strbuf struct strbuf content = {0};
    const char *line;

    if (!read_proc_file("/proc/stat", &content))
        return false;
    line = strstr(strbuf_text(&content), name);
    if (line == NULL)
        return false;
    *ret_seconds = strtod(line + strlen(name), NULL);
    return true;
}

static void append_stat(struct strbuf *page)
{
    auto_strbuf struct strbuf content = {0};
    double ticks = (double)sysconf(_SC_CLK_TCK), boot_time;
    const char *fields;

    if (!read_proc_file("/proc/self/stat", &content))
        return;
    fields = strrchr(strbuf_text(&content), ')');
    append_sample(page, "process_cpu_seconds_total", "counter",
                  "Total user and system CPU time spent in seconds.",
                  (field_number(fields, 14) + field_number(fields, 15)) / ticks);
    append_sample(page, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
                  field_number(fields, 23));
    append_sample(page, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                  field_number(fields, 24) * (double)sysconf(_SC_PAGESIZE));
    if (read_boot_time(&boot_time))
        append_sample(page, "process_start_time_seconds", "gauge",
                      "Start time of the process since unix epoch in seconds.",
                      boot_time + field_number(fields, 22) / ticks);
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
