/* The page as a scraper gets it, and its numbers against what the kernel says elsewhere. */
#include "base/file.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "raw_client.h"
#include "server/http_server.h"
#include "server/metrics_page.h"
#include "support/child_process.h"
#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const process_metrics[] = {
    "process_cpu_seconds_total",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
};

static const struct metric_description jobs = {
    .name = "jobs_total",
    .help = "Jobs that were done.",
    .type = METRIC_COUNTER,
    .labels = {"kind"},
};

static void render(struct metrics *metrics, struct strbuf *page)
{
    struct http_answer answer = {.status = 200};

    metrics_page_answer(metrics, "", false, &answer);
    assert_int_equal(answer.status, 200);
    strbuf_append(page, strbuf_text(&answer.body), answer.body.length);
    strbuf_release(&answer.body);
}

/* Where the line of this sample has its value, or NULL. */
static const char *find_value(const char *page, const char *name)
{
    auto_free char *start = mem_printf("\n%s ", name);
    const char *line = strstr(page, start);

    return line != NULL ? line + strlen(start) : NULL;
}

static double value_in(const char *page, const char *name)
{
    const char *text = find_value(page, name);
    char *end;
    double value;

    if (text == NULL)
        fail_msg("no sample of %s in '%s'", name, page);
    value = strtod(text, &end);
    if (end == text || *end != '\n')
        fail_msg("%s has no number: '%.30s'", name, text);
    return value;
}

static double value_now(const char *name)
{
    struct metrics *metrics = metrics_new();
    auto_strbuf struct strbuf page = {0};

    render(metrics, &page);
    metrics_free(metrics);
    return value_in(strbuf_text(&page), name);
}

/* ---- the page ---- */

static bool is_of_process(const char *line)
{
    return strncmp(line, "process_", 8) == 0;
}

/* The page with N for each value that differs from run to run. */
static void append_without_values(struct strbuf *buf, const char *page)
{
    while (*page != '\0') {
        size_t length = strcspn(page, "\n");

        if (is_of_process(page))
            strbuf_append_format(buf, "%.*s N", (int)strcspn(page, " "), page);
        else
            strbuf_append(buf, page, length);
        page += length;
        if (*page == '\n') {
            strbuf_append_char(buf, '\n');
            page++;
        }
    }
}

static void test_page_is_the_registry_and_then_the_process(void **state maybe_unused)
{
    static const char expected[] =
        "# HELP jobs_total Jobs that were done.\n"
        "# TYPE jobs_total counter\n"
        "jobs_total{kind=\"large\"} 2\n"
        "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.\n"
        "# TYPE process_cpu_seconds_total counter\n"
        "process_cpu_seconds_total N\n"
        "# HELP process_virtual_memory_bytes Virtual memory size in bytes.\n"
        "# TYPE process_virtual_memory_bytes gauge\n"
        "process_virtual_memory_bytes N\n"
        "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
        "# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes N\n"
        "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n"
        "# TYPE process_start_time_seconds gauge\n"
        "process_start_time_seconds N\n"
        "# HELP process_open_fds Number of open file descriptors.\n"
        "# TYPE process_open_fds gauge\n"
        "process_open_fds N\n"
        "# HELP process_max_fds Maximum number of open file descriptors.\n"
        "# TYPE process_max_fds gauge\n"
        "process_max_fds N\n";
    struct metrics *metrics = metrics_new();
    auto_strbuf struct strbuf page = {0}, shown = {0};

    metric_add(metrics_family(metrics, &jobs), 2, "large", NULL);
    render(metrics, &page);
    append_without_values(&shown, strbuf_text(&page));

    assert_string_equal(strbuf_text(&shown), expected);
    for (size_t i = 0; i < array_length(process_metrics); i++)
        value_in(strbuf_text(&page), process_metrics[i]);
    metrics_free(metrics);
}

static void test_scraper_gets_the_format_that_it_knows(void **state maybe_unused)
{
    struct metrics *metrics = metrics_new();
    const struct http_route routes[] = {{"/metrics", false, metrics_page_answer, metrics}};
    const struct http_server_options options = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = array_length(routes)};
    auto_strbuf struct strbuf first = {0}, second = {0}, head = {0};
    struct http_server *server = NULL;
    struct error err = {0};
    uint16_t port;

    if (!http_server_start(&options, &server, &err))
        fail_msg("%s", err.message);
    port = http_server_port(server);
    metric_touch(metrics_family(metrics, &jobs), "large", NULL);
    raw_client_get(port, "/metrics", &first);
    metric_add(metrics_family(metrics, &jobs), 1, "large", NULL);
    raw_client_get(port, "/metrics?verbose", &second);
    raw_client_exchange(port, "HEAD /metrics HTTP/1.0\r\n\r\n", &head);

    assert_int_equal(strncmp(strbuf_text(&first), "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(strbuf_text(&first),
                           "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(raw_client_body(&first), "\njobs_total{kind=\"large\"} 0\n"));
    assert_non_null(strstr(raw_client_body(&second), "\njobs_total{kind=\"large\"} 1\n"));
    value_in(raw_client_body(&second), "process_max_fds");
    assert_string_equal(raw_client_body(&head), "");
    http_server_stop(server);
    metrics_free(metrics);
}

/* ---- the process ---- */

static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Half of it in the program and half in the kernel. */
static void use_cpu(void)
{
    double end = cpu_seconds() + 0.15;
    volatile unsigned spinning = 0;

    while (cpu_seconds() < end)
        for (int i = 0; i < 100000; i++)
            spinning++;
    end += 0.15;
    while (cpu_seconds() < end)
        close(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
}

static void test_cpu_time_is_what_the_process_used(void **state maybe_unused)
{
    double before, shown, after;

    use_cpu();
    before = cpu_seconds();
    shown = value_now("process_cpu_seconds_total");
    after = cpu_seconds();

    /* Two numbers, each cut off to a hundredth of a second. */
    assert_true(shown >= before - 0.03);
    assert_true(shown <= after + 0.03);
}

static void test_memory_in_use_is_counted_in_bytes(void **state maybe_unused)
{
    enum { BYTES = 64 * 1024 * 1024 };
    double resident = value_now("process_resident_memory_bytes");
    double virtual = value_now("process_virtual_memory_bytes");
    double more_resident, more_virtual;
    void *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    more_resident = value_now("process_resident_memory_bytes") - resident;
    more_virtual = value_now("process_virtual_memory_bytes") - virtual;
    munmap(memory, BYTES);

    assert_true(resident > 100 * 1024 && resident <= virtual);
    /* A sanitizer has memory of its own, but not as much again. */
    assert_true(more_resident >= 0.9 * BYTES && more_resident < 2.0 * BYTES);
    assert_true(more_virtual >= 0.9 * BYTES && more_virtual < 2.0 * BYTES);
}

static void test_open_descriptors_are_counted(void **state maybe_unused)
{
    double before = value_now("process_open_fds"), during;
    int fds[7];

    for (size_t i = 0; i < array_length(fds); i++)
        assert_true((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
    during = value_now("process_open_fds");
    for (size_t i = 0; i < array_length(fds); i++)
        close(fds[i]);

    assert_true(before >= 1 && before < 1000);
    assert_int_equal((int)(during - before), array_length(fds));
    assert_int_equal((int)(value_now("process_open_fds") - before), 0);
}

static void test_the_page_does_not_count_its_own_descriptors(void **state maybe_unused)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    int others = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        others += entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder);
    closedir(folder);

    assert_int_equal((int)value_now("process_open_fds"), others);
}

static void test_limit_of_descriptors_is_the_one_in_force(void **state maybe_unused)
{
    struct rlimit before, lowered;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = 77;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    assert_int_equal((int)value_now("process_max_fds"), 77);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static double boot_time_of_the_kernel(void)
{
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};
    const char *line;

    if (!file_read("/proc/stat", 16 * 1024 * 1024, &content, &err))
        fail_msg("%s", err.message);
    line = strstr(strbuf_text(&content), "\nbtime ");
    assert_non_null(line);
    return strtod(line + strlen("\nbtime "), NULL);
}

static int start_time_of_child(void *context)
{
    double *expected = context;
    double shown = value_now("process_start_time_seconds");

    fprintf(stderr, "%.2f, expected %.2f", shown, *expected);
    return fabs(shown - *expected) < 2 ? 0 : 1;
}

static void test_start_time_is_when_this_process_began(void **state maybe_unused)
{
    struct timespec now, uptime;
    auto_strbuf struct strbuf output = {0};
    double expected;
    int status;

    clock_gettime(CLOCK_REALTIME, &now);
    expected = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    status = child_process_run(start_time_of_child, &expected, &output);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s", strbuf_text(&output));
    clock_gettime(CLOCK_BOOTTIME, &uptime);
    assert_true(value_now("process_start_time_seconds") >= boot_time_of_the_kernel());
    assert_true(value_now("process_start_time_seconds") <=
                boot_time_of_the_kernel() + (double)uptime.tv_sec + 1);
}

/* Dashboards count restarts by its changes. */
static void test_start_time_never_changes(void **state maybe_unused)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    double first = value_now("process_start_time_seconds");

    for (int i = 0; i < 55; i++) {
        nanosleep(&pause, NULL);
        assert_true(fabs(value_now("process_start_time_seconds") - first) < 1e-6);
    }
}

/* As main does it, and without the rights of root. */
static int render_hardened(void *context maybe_unused)
{
    struct metrics *metrics = metrics_new();
    auto_strbuf struct strbuf page = {0};
    int missing = 0;

    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 99;
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return 99;
    render(metrics, &page);
    for (size_t i = 0; i < array_length(process_metrics); i++)
        missing += find_value(strbuf_text(&page), process_metrics[i]) == NULL;
    metrics_free(metrics);
    return missing;
}

static void test_process_without_core_dumps_can_still_be_measured(void **state maybe_unused)
{
    auto_strbuf struct strbuf output = {0};
    int status = child_process_run(render_hardened, NULL, &output);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_is_the_registry_and_then_the_process),
        cmocka_unit_test(test_scraper_gets_the_format_that_it_knows),
        cmocka_unit_test(test_cpu_time_is_what_the_process_used),
        cmocka_unit_test(test_memory_in_use_is_counted_in_bytes),
        cmocka_unit_test(test_open_descriptors_are_counted),
        cmocka_unit_test(test_the_page_does_not_count_its_own_descriptors),
        cmocka_unit_test(test_limit_of_descriptors_is_the_one_in_force),
        cmocka_unit_test(test_start_time_is_when_this_process_began),
        cmocka_unit_test(test_start_time_never_changes),
        cmocka_unit_test(test_process_without_core_dumps_can_still_be_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
