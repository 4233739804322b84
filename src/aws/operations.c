#include "aws/operations.h"

#include "base/compiler.h"
#include "base/strbuf.h"

#include <assert.h>
#include <stddef.h>

#define SECRETS "arn:aws:secretsmanager:REGION:ACCOUNT:secret:"
#define TAGGED  "/database.opzkit.io/cluster\": \"CLUSTER\"}}"
#define OURS    SECRETS "PREFIX/*"

/* Bits: an operation may be needed on secrets of several kinds. */
enum use {
    USE_LOOK = 1,
    USE_MAKE_OWN = 2,
    USE_OWN = 4,
    USE_READ_ADMIN = 8,
};

/* DescribeSecret has no condition: a secret that does not exist has no tags. */
static const struct statement {
    enum use use;
    const char *sid;
    const char *resource;
    const char *condition; /* NULL = none */
} statements[] = {
    {USE_LOOK, "Look", OURS, NULL},
    {USE_MAKE_OWN, "MakeOwn", OURS, "{\"StringEquals\": {\"aws:RequestTag" TAGGED},
    {USE_OWN, "UseOwn", OURS, "{\"StringEquals\": {\"secretsmanager:ResourceTag" TAGGED},
    {USE_READ_ADMIN, "ReadAdmin", SECRETS "ADMIN-??????", NULL},
};

static const struct operation {
    const char *name;
    unsigned uses;
} operations[AWS_OPERATION_COUNT] = {
    [AWS_DESCRIBE_SECRET] = {"DescribeSecret", USE_LOOK},
    [AWS_GET_SECRET_VALUE] = {"GetSecretValue", USE_OWN | USE_READ_ADMIN},
    [AWS_CREATE_SECRET] = {"CreateSecret", USE_MAKE_OWN},
    [AWS_PUT_SECRET_VALUE] = {"PutSecretValue", USE_OWN},
    [AWS_UPDATE_SECRET] = {"UpdateSecret", USE_OWN},
    [AWS_UPDATE_SECRET_VERSION_STAGE] = {"UpdateSecretVersionStage", USE_OWN},
    [AWS_TAG_RESOURCE] = {"TagResource", USE_MAKE_OWN | USE_OWN}, /* CreateSecret sets tags */
    [AWS_UNTAG_RESOURCE] = {"UntagResource", USE_OWN},
    [AWS_RESTORE_SECRET] = {"RestoreSecret", USE_OWN},
    [AWS_DELETE_SECRET] = {"DeleteSecret", USE_OWN},
    [AWS_ASSUME_ROLE] = {"AssumeRole", 0},
    [AWS_ASSUME_ROLE_WITH_WEB_IDENTITY] = {"AssumeRoleWithWebIdentity", 0},
};

const char *aws_operation_name(enum aws_operation operation)
{
    assert(operation < AWS_OPERATION_COUNT);
    return operations[operation].name;
}

static void append_actions(enum use use, struct strbuf *buf)
{
    const char *separator = "";

    for (size_t i = 0; i < array_length(operations); i++) {
        if ((operations[i].uses & use) == 0)
            continue;
        strbuf_append_format(buf, "%s\n     \"secretsmanager:%s\"", separator, operations[i].name);
        separator = ",";
    }
}

void aws_operations_append_policy(struct strbuf *buf)
{
    strbuf_append_text(buf, "{\"Version\": \"2012-10-17\", \"Statement\": [");
    for (size_t i = 0; i < array_length(statements); i++) {
        const struct statement *statement = &statements[i];

        strbuf_append_format(buf, "%s\n  {\"Sid\": \"%s\", \"Effect\": \"Allow\", \"Action\": [",
                             i > 0 ? "," : "", statement->sid);
        append_actions(statement->use, buf);
        strbuf_append_format(buf, "],\n   \"Resource\": \"%s\"", statement->resource);
        if (statement->condition != NULL)
            strbuf_append_format(buf, ",\n   \"Condition\": %s", statement->condition);
        strbuf_append_char(buf, '}');
    }
    strbuf_append_text(buf, "]}\n");
}
