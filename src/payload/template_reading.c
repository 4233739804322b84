#include "payload/template_reading.h"

#include "base/strbuf.h"
#include "payload/template.h"
#include "payload/template_encoding.h"
#include "payload/template_literal.h"

#include <string.h>

/* Both begin and end with letters that no encoding changes and in which they differ, so what the
 * two documents share in a string is the text around the password.  Between these letters is what
 * encodings treat differently. */
#define PROBE_MIDDLE                              \
    " +&=%/?#@:;,!*'()[]{}<>|^`~-._$\"\\\n\t\x1f" \
    "\x7f\xc2\x85\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"
#define FIRST_PROBE  "A" PROBE_MIDDLE "A"
#define SECOND_PROBE "b" PROBE_MIDDLE "b"

/* Their outputs may be larger than the real one: they are longer, and every byte is escaped. */
enum { PROBE_OUTPUT_LIMIT = 16 * TEMPLATE_OUTPUT_LIMIT };

bool template_output_parse(const struct strbuf *output, json_t **ret_object, struct error *err)
{
    auto_json json_t *json = NULL;

    if (!document_parse(strbuf_text(output), output->length, &json, err))
        return error_wrap(err, "what it makes is no JSON object, or repeats a key");
    if (!json_is_object(json))
        return error_set(err, ERROR_INVALID, NULL, "what it makes is no JSON object");
    *ret_object = json_incref(json);
    return true;
}

void template_probes_release(struct template_probes *probes)
{
    json_decref(probes->first);
    json_decref(probes->second);
    *probes = (struct template_probes){0};
}

static bool run_probe(const struct secret_template *program, const struct template_values *values,
                      const char *password, json_t **ret_document, struct error *err)
{
    auto_strbuf struct strbuf output = STRBUF_ERASING;
    auto_secret struct secret made_up = {0};
    struct credentials credentials = *values->credentials; /* all borrowed */
    struct template_values probe = *values;

    secret_set_text(&made_up, password);
    credentials.password = made_up;
    probe.credentials = &credentials;
    return template_machine_run(program, &probe, PROBE_OUTPUT_LIMIT, &output, err) &&
           template_output_parse(&output, ret_document, err);
}

bool template_probes_run(const struct secret_template *program,
                         const struct template_values *values, struct template_probes *ret_probes,
                         struct error *err)
{
    auto_template_probes struct template_probes probes = {0};
    auto_secret struct secret found = {0};
    bool agrees = false;

    if (!run_probe(program, values, FIRST_PROBE, &probes.first, err) ||
        !run_probe(program, values, SECOND_PROBE, &probes.second, err))
        return false;
    if (!template_probes_find(&probes, probes.first, &found, &agrees) || !agrees ||
        strcmp(secret_reveal(&found), FIRST_PROBE) != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "no string of what it makes holds the password so that it can be read "
                         "back: it needs {{.DBPassword}} or {{.DatabaseURL}} once in a string");
    *ret_probes = probes;
    probes = (struct template_probes){0};
    return true;
}

/* Where the password stands in a string of the template. */
struct place {
    size_t prefix_length, suffix_length; /* of the text around it */
    struct template_encoding encoding;
};

/* False when the string does not depend on the password, or holds it in another way. */
static bool find_place(const json_t *first, const json_t *second, struct place *ret_place)
{
    const char *a = json_string_value(first), *b = json_string_value(second);
    size_t a_length = json_string_length(first), b_length = json_string_length(second);
    size_t shorter = a_length < b_length ? a_length : b_length;
    size_t prefix = 0, suffix = 0;

    while (prefix < shorter && a[prefix] == b[prefix])
        prefix++;
    while (suffix < shorter - prefix && a[a_length - suffix - 1] == b[b_length - suffix - 1])
        suffix++;
    ret_place->prefix_length = prefix;
    ret_place->suffix_length = suffix;
    return prefix < a_length &&
           template_encoding_find(FIRST_PROBE, a + prefix, a_length - prefix - suffix,
                                  &ret_place->encoding);
}

/* What a stored string has at the place; false when the text around it is not the template's. */
static bool read_place(const struct place *place, const json_t *template_string,
                       const json_t *stored, struct secret *ret_password)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;
    const char *model = json_string_value(template_string), *text = json_string_value(stored);
    size_t model_length = json_string_length(template_string);
    size_t length = json_string_length(stored);
    size_t around = place->prefix_length + place->suffix_length;

    if (length <= around || memcmp(text, model, place->prefix_length) != 0 ||
        memcmp(text + length - place->suffix_length, model + model_length - place->suffix_length,
               place->suffix_length) != 0)
        return false;
    if (!template_encoding_decode(&place->encoding, text + place->prefix_length, length - around,
                                  &decoded) ||
        decoded.length == 0 || !template_is_text(strbuf_text(&decoded), decoded.length))
        return false;
    secret_take_strbuf(ret_password, &decoded);
    return true;
}

struct search {
    struct secret password;
    bool is_alone; /* its string is the password and nothing else */
    bool disagrees;
};

static void search_string(struct search *search, const json_t *first, const json_t *second,
                          const json_t *stored)
{
    auto_secret struct secret password = {0};
    struct place place;
    bool is_alone;

    if (!find_place(first, second, &place) || !read_place(&place, first, stored, &password))
        return;
    is_alone = place.prefix_length + place.suffix_length == 0 &&
               template_encoding_is_none(&place.encoding);
    if (secret_is_empty(&search->password)) {
        secret_copy(&search->password, &password);
        search->is_alone = is_alone;
    } else if (!secret_equals(&search->password, &password)) {
        search->disagrees = true;
        if (is_alone && !search->is_alone)
            secret_copy(&search->password, &password);
    }
    search->is_alone = search->is_alone || is_alone;
}

/* Goes through the three documents together; the depth is that of JSON which jansson parsed. */
static void search_value(struct search *search, json_t *first, const json_t *second,
                         const json_t *stored)
{
    const char *key;
    json_t *value;
    size_t i;

    if (stored == NULL || second == NULL || json_typeof(first) != json_typeof(second) ||
        json_typeof(first) != json_typeof(stored))
        return;
    if (json_is_string(first))
        search_string(search, first, second, stored);
    json_object_foreach(first, key, value)
        search_value(search, value, json_object_get(second, key), json_object_get(stored, key));
    json_array_foreach(first, i, value)
        search_value(search, value, json_array_get(second, i), json_array_get(stored, i));
}

bool template_probes_find(const struct template_probes *probes, const json_t *stored,
                          struct secret *ret_password, bool *ret_agrees)
{
    struct search search = {0};

    search_value(&search, probes->first, probes->second, stored);
    if (secret_is_empty(&search.password))
        return false;
    secret_release(ret_password);
    *ret_password = search.password;
    *ret_agrees = !search.disagrees;
    return true;
}
