/*
 * The operations of AWS that the operator calls: one table gives the clients their names, and the
 * IAM policy its actions, so that the policy lacks nothing that is called and has nothing that is
 * not.  Pure.
 */
#ifndef AWS_OPERATIONS_H
#define AWS_OPERATIONS_H

struct strbuf;

enum aws_operation {
    AWS_DESCRIBE_SECRET,
    AWS_GET_SECRET_VALUE,
    AWS_CREATE_SECRET,
    AWS_PUT_SECRET_VALUE,
    AWS_UPDATE_SECRET,
    AWS_UPDATE_SECRET_VERSION_STAGE,
    AWS_TAG_RESOURCE,
    AWS_UNTAG_RESOURCE,
    AWS_RESTORE_SECRET,
    AWS_DELETE_SECRET,
    AWS_ASSUME_ROLE,
    AWS_ASSUME_ROLE_WITH_WEB_IDENTITY,
    AWS_OPERATION_COUNT,
};

/* As the protocol spells it: "DescribeSecret". */
const char *aws_operation_name(enum aws_operation operation);

/* Appends the least policy under which everything works, for the role that the operator has in the
 * end (the operations of STS are a matter of trust policies).  ACCOUNT, REGION, PREFIX, ADMIN and
 * CLUSTER in it are for the reader to replace. */
void aws_operations_append_policy(struct strbuf *buf);

#endif
