/*
 * The format is INI as the AWS SDKs read it: "[profile NAME]" and "[default]" in the config file,
 * "[NAME]" in the credentials file, "[services NAME]"; "key = value"; '#' and ';' begin comments,
 * after a value only behind a blank; an indented line belongs to the key above it: it continues its
 * value, or is a "key = value" of its block when it has none.
 */
#include "aws/profile_files.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>

enum { FILE_LIMIT_BYTES = 256 * 1024, PROFILE_SHOWN = 64 };

enum section_kind { SECTION_PROFILE, SECTION_SERVICES, SECTION_OTHER };

struct entry {
    char *key;
    struct secret value;
    struct entry *next;
};

struct section {
    enum section_kind kind;
    char *name;
    const char *path;
    struct entry *entries; /* the latest first, so that it wins */
    struct section *next;  /* in the order of reading */
};

struct profile_files {
    struct section *sections;
    char *config_path; /* NULL = there is no place to look */
    char *credentials_path;
    char *active;
};

/* One file while it is read. */
struct reader {
    struct profile_files *files;
    const char *path;
    bool is_credentials;
    unsigned line;
    struct section *section; /* NULL before the first header */
    struct entry *entry;     /* what an indented line belongs to; NULL = nothing */
    char *block;             /* its key, when it has no value */
};

static bool fail(const struct reader *reader, const char *what, struct error *err)
{
    /* The line itself is not shown: it may be a key. */
    return error_set(err, ERROR_INVALID, "ProfileInvalid", "line %u of the AWS file '%s' %s",
                     reader->line, reader->path, what);
}

/* --- Sections -------------------------------------------------------------------------------- */

static struct section *find_section(const struct profile_files *files, enum section_kind kind,
                                    const char *name, const char *path)
{
    for (struct section *section = files->sections; section != NULL; section = section->next) {
        if (section->kind == kind && strcmp(section->name, name) == 0 &&
            (path == NULL || section->path == path))
            return section;
    }
    return NULL;
}

static struct section *ensure_section(struct reader *reader, enum section_kind kind,
                                      const char *name)
{
    struct section *section = find_section(reader->files, kind, name, reader->path);
    struct section **end = &reader->files->sections;

    if (section != NULL)
        return section;
    section = mem_alloc(sizeof *section);
    section->kind = kind;
    section->name = mem_strdup(name);
    section->path = reader->path;
    while (*end != NULL)
        end = &(*end)->next;
    *end = section;
    return section;
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

/* The name behind a word such as "profile", perhaps in quotes; NULL when the word is another. */
static char *name_behind(char *header, const char *word)
{
    size_t length = strlen(word);
    char *name;

    if (strncmp(header, word, length) != 0 || strchr(" \t", header[length]) == NULL)
        return NULL;
    name = trim(header + length);
    length = strlen(name);
    if (length >= 2 && (name[0] == '"' || name[0] == '\'') && name[length - 1] == name[0]) {
        name[length - 1] = '\0';
        name++;
    }
    return name;
}

static bool read_header(struct reader *reader, char *line, struct error *err)
{
    char *end = strchr(line, ']'), *header, *name;

    if (end == NULL)
        return fail(reader, "begins with '[', but has no ']'", err);
    *end = '\0';
    header = trim(line + 1);
    reader->entry = NULL;
    if (header[0] == '\0')
        return fail(reader, "names no section", err);
    if (reader->is_credentials || strcmp(header, "default") == 0)
        reader->section = ensure_section(reader, SECTION_PROFILE, header);
    else if ((name = name_behind(header, "profile")) != NULL)
        reader->section = ensure_section(reader, SECTION_PROFILE, name);
    else if ((name = name_behind(header, "services")) != NULL)
        reader->section = ensure_section(reader, SECTION_SERVICES, name);
    else /* sso-session, and what the tools may add */
        reader->section = ensure_section(reader, SECTION_OTHER, header);
    return true;
}

/* --- Entries --------------------------------------------------------------------------------- */

static void set_entry(struct reader *reader, const char *key, const char *value)
{
    struct entry *entry = mem_alloc(sizeof *entry);

    entry->key = mem_strdup(key);
    for (char *c = entry->key; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    secret_set_text(&entry->value, value);
    entry->next = reader->section->entries;
    reader->section->entries = entry;
    reader->entry = entry;
}

/* Splits at the first '='; false when there is none, or no key before it. */
static bool split(char *line, char **ret_key, char **ret_value)
{
    char *equals = strchr(line, '=');

    if (equals == NULL)
        return false;
    *equals = '\0';
    *ret_key = trim(line);
    *ret_value = trim(equals + 1);
    return (*ret_key)[0] != '\0';
}

static void cut_comment(char *value)
{
    for (char *c = value; *c != '\0'; c++) {
        if ((*c == '#' || *c == ';') && (c == value || c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            break;
        }
    }
}

static bool read_entry(struct reader *reader, char *line, struct error *err)
{
    char *key, *value;

    if (reader->section == NULL)
        return fail(reader, "stands before the first section", err);
    if (!split(line, &key, &value))
        return fail(reader, "is neither a section, nor 'key = value', nor a comment", err);
    cut_comment(value);
    value = trim(value);
    set_entry(reader, key, value);
    free(reader->block);
    reader->block = value[0] == '\0' ? mem_strdup(reader->entry->key) : NULL;
    return true;
}

static bool read_indented(struct reader *reader, char *line, struct error *err)
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    char *key, *value;

    if (reader->entry == NULL)
        return fail(reader, "is indented, but belongs to no key", err);
    if (reader->block == NULL) {
        strbuf_append(&text, secret_reveal(&reader->entry->value), reader->entry->value.length);
        strbuf_append_format(&text, "\n%s", trim(line));
        secret_take_strbuf(&reader->entry->value, &text);
        return true;
    }
    if (!split(line, &key, &value))
        return fail(reader, "is not 'key = value'", err);
    cut_comment(value);
    strbuf_append_format(&text, "%s.%s", reader->block, key);
    set_entry(reader, strbuf_text(&text), trim(value));
    return true;
}

static bool read_line(struct reader *reader, char *line, struct error *err)
{
    bool is_indented = line[0] == ' ' || line[0] == '\t';
    size_t length = strlen(line);

    if (length > 0 && line[length - 1] == '\r')
        line[length - 1] = '\0';
    if (line[strspn(line, " \t")] == '\0' || line[0] == '#' || line[0] == ';')
        return true;
    if (is_indented && strchr("#;", line[strspn(line, " \t")]) != NULL)
        return true;
    if (is_indented)
        return read_indented(reader, line, err);
    if (line[0] == '[')
        return read_header(reader, line, err);
    return read_entry(reader, line, err);
}

/* --- Files ----------------------------------------------------------------------------------- */

static bool parse(struct reader *reader, struct strbuf *content, struct error *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    char *rest = content->text;

    if (content->length == 0)
        return true;
    if (strlen(rest) != content->length)
        return error_set(err, ERROR_INVALID, "ProfileInvalid",
                         "the AWS file '%s' holds a NUL character", reader->path);
    if (strncmp(rest, byte_order_mark, strlen(byte_order_mark)) == 0)
        rest += strlen(byte_order_mark);
    while (rest != NULL) {
        char *line = strsep(&rest, "\n");

        reader->line++;
        if (!read_line(reader, line, err))
            return false;
    }
    return true;
}

/* NULL when neither the setting nor a home folder says where the file is. */
static char *find_path(const struct aws_settings *settings, const char *variable, const char *name)
{
    const char *named = aws_setting(settings, variable), *home = aws_setting(settings, "HOME");

    if (named != NULL && strncmp(named, "~/", 2) == 0 && home != NULL)
        return mem_printf("%s%s", home, named + 1);
    if (named != NULL)
        return mem_strdup(named);
    return home != NULL ? mem_printf("%s/.aws/%s", home, name) : NULL;
}

static bool read_file(struct profile_files *files, const struct aws_settings *settings,
                      const char *variable, const char *path, struct error *err)
{
    struct reader reader = {
        .files = files, .path = path, .is_credentials = path == files->credentials_path};
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    bool succeeded;
    struct error failure;

    if (path == NULL)
        return true;
    if (!file_read(path, FILE_LIMIT_BYTES, &content, &failure)) {
        bool is_named = aws_setting(settings, variable) != NULL;

        /* A home folder that we may not look into is none of ours. */
        if (!is_named && (failure.kind == ERROR_NOT_FOUND || failure.kind == ERROR_DENIED))
            return true;
        *err = failure;
        return is_named ? error_wrap(err, "the file that %s names", variable)
                        : error_wrap(err, "a shared file of the AWS tools");
    }
    succeeded = parse(&reader, &content, err);
    free(reader.block);
    return succeeded;
}

static bool load(struct profile_files *files, const struct aws_settings *settings,
                 struct error *err)
{
    const char *active = aws_setting_either(settings, "AWS_PROFILE", "AWS_DEFAULT_PROFILE");

    files->config_path = find_path(settings, "AWS_CONFIG_FILE", "config");
    files->credentials_path = find_path(settings, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    files->active = mem_strdup(active != NULL ? active : "default");
    if (!read_file(files, settings, "AWS_CONFIG_FILE", files->config_path, err) ||
        !read_file(files, settings, "AWS_SHARED_CREDENTIALS_FILE", files->credentials_path, err))
        return false;
    if (active == NULL || profile_files_has(files, active))
        return true;
    return error_set(
        err, ERROR_INVALID, "ProfileInvalid",
        "AWS_PROFILE names the profile '%.*s', which neither '%s' nor '%s' has", PROFILE_SHOWN,
        active, files->config_path != NULL ? files->config_path : "~/.aws/config",
        files->credentials_path != NULL ? files->credentials_path : "~/.aws/credentials");
}

bool profile_files_load(const struct aws_settings *settings, struct profile_files **ret_files,
                        struct error *err)
{
    auto_profile_files struct profile_files *files = mem_alloc(sizeof *files);

    if (!load(files, settings, err))
        return false;
    *ret_files = take(files);
    return true;
}

static void free_section(struct section *section)
{
    struct entry *entry;

    while ((entry = section->entries) != NULL) {
        section->entries = entry->next;
        free(entry->key);
        secret_release(&entry->value);
        free(entry);
    }
    free(section->name);
    free(section);
}

void profile_files_free(struct profile_files *files)
{
    struct section *section;

    if (files == NULL)
        return;
    while ((section = files->sections) != NULL) {
        files->sections = section->next;
        free_section(section);
    }
    free(files->config_path);
    free(files->credentials_path);
    free(files->active);
    free(files);
}

/* --- Looking things up ----------------------------------------------------------------------- */

const char *profile_files_active(const struct profile_files *files)
{
    return files->active;
}

bool profile_files_has(const struct profile_files *files, const char *profile)
{
    return find_section(files, SECTION_PROFILE, profile, NULL) != NULL;
}

const char *profile_files_origin(const struct profile_files *files, const char *profile)
{
    const struct section *section = find_section(files, SECTION_PROFILE, profile, NULL);

    return section != NULL ? section->path : "";
}

static const char *find_value(const struct profile_files *files, enum section_kind kind,
                              const char *name, const char *key)
{
    const char *found = NULL;

    /* The credentials file was read last: the last section that has the key wins. */
    for (const struct section *section = files->sections; section != NULL;
         section = section->next) {
        const struct entry *entry = section->entries;

        if (section->kind != kind || strcmp(section->name, name) != 0)
            continue;
        while (entry != NULL && strcmp(entry->key, key) != 0)
            entry = entry->next;
        if (entry != NULL && !secret_is_empty(&entry->value))
            found = secret_reveal(&entry->value);
    }
    return found;
}

const char *profile_files_get(const struct profile_files *files, const char *profile,
                              const char *key)
{
    return find_value(files, SECTION_PROFILE, profile, key);
}

const char *profile_files_get_service(const struct profile_files *files, const char *name,
                                      const char *key)
{
    return find_value(files, SECTION_SERVICES, name, key);
}
