#include "aws/service_error.h"

#include "base/document.h"

#include <stdio.h>
#include <string.h>

#define ENABLE_KEY    "enable the KMS key of the secret, or name another one (--kms-key-id)"
#define RAISE_QUOTA   "remove what is not needed, or have AWS raise the quota"
#define ENABLE_REGION "enable the region for the AWS account, or use another one"

/* Codes of Secrets Manager, STS and the common ones; what is missing goes by the HTTP status. */
static const struct code_meaning {
    const char *code;
    enum error_kind kind;
    enum aws_remedy remedy;
    const char *advice;
} meanings[] = {
    {"ResourceNotFoundException", ERROR_NOT_FOUND, AWS_REMEDY_NONE, NULL},
    {"ResourceExistsException", ERROR_CONFLICT, AWS_REMEDY_NONE, NULL},
    {"InvalidRequestException", ERROR_CONFLICT, AWS_REMEDY_NONE, NULL},
    {"PreconditionNotMetException", ERROR_CONFLICT, AWS_REMEDY_NONE, NULL},
    {"InvalidParameterException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"InvalidParameterValue", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"ValidationException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"ValidationError", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"MalformedPolicyDocumentException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"PublicPolicyException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"SerializationException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    {"UnknownOperationException", ERROR_INVALID, AWS_REMEDY_NONE, NULL},
    /* A quota, not a rate: asking again soon does not help. */
    {"LimitExceededException", ERROR_DENIED, AWS_REMEDY_NONE, RAISE_QUOTA},
    {"AccessDeniedException", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"AccessDenied", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"IncompleteSignature", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"IncompleteSignatureException", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"MissingAuthenticationToken", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"MissingAuthenticationTokenException", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"OptInRequired", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"EncryptionFailure", ERROR_DENIED, AWS_REMEDY_NONE, ENABLE_KEY},
    {"DecryptionFailure", ERROR_DENIED, AWS_REMEDY_NONE, ENABLE_KEY},
    {"ExpiredTokenException", ERROR_DENIED, AWS_REMEDY_CREDENTIALS, NULL},
    {"ExpiredToken", ERROR_DENIED, AWS_REMEDY_CREDENTIALS, NULL},
    {"UnrecognizedClientException", ERROR_DENIED, AWS_REMEDY_CREDENTIALS, NULL},
    {"InvalidClientTokenId", ERROR_DENIED, AWS_REMEDY_CREDENTIALS, NULL},
    {"InvalidIdentityToken", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"IDPRejectedClaim", ERROR_DENIED, AWS_REMEDY_NONE, NULL},
    {"RegionDisabledException", ERROR_DENIED, AWS_REMEDY_NONE, ENABLE_REGION},
    {"InvalidSignatureException", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"SignatureDoesNotMatch", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"RequestExpired", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"RequestTimeTooSkewed", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"RequestInTheFuture", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"AuthFailure", ERROR_DENIED, AWS_REMEDY_CLOCK, NULL},
    {"ThrottlingException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"Throttling", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"ThrottledException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"RequestThrottledException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"TooManyRequestsException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"RequestLimitExceeded", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"SlowDown", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN, NULL},
    {"InternalServiceError", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"InternalServiceErrorException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"InternalFailure", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"ServiceUnavailable", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"ServiceUnavailableException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"RequestTimeout", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"RequestTimeoutException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"PriorRequestNotComplete", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
    {"IDPCommunicationError", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY, NULL},
};

/* "com.amazonaws.x#Code:http://..." -> "Code"; what is no plain word is no code. */
static void take_code(const char *text, size_t length, char ret_code[static ERROR_CODE_SIZE])
{
    const char *colon = memchr(text, ':', length), *hash;
    size_t word;

    if (colon != NULL)
        length = (size_t)(colon - text);
    hash = memchr(text, '#', length);
    if (hash != NULL) {
        length -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    for (word = 0; word < length && word + 1 < ERROR_CODE_SIZE; word++) {
        char c = text[word];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_'))
            break;
        ret_code[word] = c;
    }
    ret_code[word] = '\0';
}

static void take_text(const char *text, size_t length, char *ret_text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length && used + 1 < size; i++)
        ret_text[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : ' ';
    ret_text[used] = '\0';
}

static bool parse_json(const struct http_response *response, struct service_error *error)
{
    auto_json json_t *json = NULL;
    const char *type, *message;
    struct error err;

    if (!document_parse(strbuf_text(&response->body), response->body.length, &json, &err) ||
        !json_is_object(json))
        return false;
    type = document_string(json, "__type");
    if (type == NULL)
        type = document_string(json, "code");
    if (type != NULL)
        take_code(type, strlen(type), error->code);
    message = document_string(json, "message");
    if (message == NULL)
        message = document_string(json, "Message");
    if (message != NULL)
        take_text(message, strlen(message), error->text, sizeof error->text);
    return true;
}

/* The content of the first <name>...</name>. */
static const char *find_element(const char *body, const char *open, const char *close,
                                size_t *ret_length)
{
    const char *begin = strstr(body, open);
    const char *end;

    if (begin == NULL)
        return NULL;
    begin += strlen(open);
    end = strstr(begin, close);
    if (end == NULL)
        return NULL;
    *ret_length = (size_t)(end - begin);
    return begin;
}

static void parse_xml(const struct http_response *response, struct service_error *error)
{
    const char *body = strbuf_text(&response->body);
    const char *part;
    size_t length;

    part = find_element(body, "<Code>", "</Code>", &length);
    if (part != NULL)
        take_code(part, length, error->code);
    part = find_element(body, "<Message>", "</Message>", &length);
    if (part != NULL)
        take_text(part, length, error->text, sizeof error->text);
}

static void classify_by_status(int status, struct service_error *error)
{
    error->kind = ERROR_INTERNAL;
    error->remedy = AWS_REMEDY_NONE;
    if (status == 429) {
        error->kind = ERROR_UNAVAILABLE;
        error->remedy = AWS_REMEDY_SLOW_DOWN;
    } else if (status >= 500) {
        error->kind = ERROR_UNAVAILABLE;
        error->remedy = AWS_REMEDY_RETRY;
    } else if (status == 401 || status == 403 || status == 407) {
        error->kind = ERROR_DENIED;
    } else if (status >= 300 && status < 400) {
        error->kind = ERROR_INVALID;
    }
}

static void classify(int status, struct service_error *error)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (strcmp(error->code, meanings[i].code) == 0) {
            error->kind = meanings[i].kind;
            error->remedy = meanings[i].remedy;
            error->advice = meanings[i].advice;
            return;
        }
    }
    classify_by_status(status, error);
}

void service_error_parse(const struct http_response *response, struct service_error *ret_error)
{
    *ret_error = (struct service_error){0};
    if (!parse_json(response, ret_error))
        parse_xml(response, ret_error);
    if (ret_error->code[0] == '\0')
        take_code(response->error_type, strlen(response->error_type), ret_error->code);
    classify(response->status, ret_error);
    if (ret_error->text[0] == '\0')
        snprintf(ret_error->text, sizeof ret_error->text, "HTTP status %d without explanation",
                 response->status);
}
