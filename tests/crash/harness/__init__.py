"""The crash matrix: the operator is killed at every call that it makes, and has to find its way.

`calls` counts, `relay` and the proxies stand between the operator and its servers, `engines` and
`cluster` look at what is really there, `subject` is what one trial makes, `creation` and `deletion`
what is tried, `ways` how; `matrix` tries it at every call.
"""
