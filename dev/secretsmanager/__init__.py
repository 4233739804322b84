"""A local AWS Secrets Manager for the quickstart, the integration tests and the benches.

It keeps the rules of the real service (signatures, permissions, limits, versions and staging labels,
scheduled deletion) and fails on demand. README.md says how to start it and how to steer it.
"""
