/*
 * The settings of a process as a test wants them.
 */
#ifndef TESTS_UNIT_AWS_FAKE_SETTINGS_H
#define TESTS_UNIT_AWS_FAKE_SETTINGS_H

struct fake_setting {
    const char *name; /* NULL ends the list */
    const char *value;
};

/* An aws_setting_fn; the context is an array of struct fake_setting. */
const char *fake_settings_read(void *context, const char *name);

#endif
