"""The local stack: real servers on free loopback ports, for quickstart, tests and benches.

One module per server (`kube`, `postgres`, `secretsmanager`), each with a class that has
`start()`, `stop()`, `kill()`, `pause()`, `resume()`, `restart()`; `stack.Stack` puts them together.

Library mode (tests): servers are children that die with the Python process.  `dev/stack up` mode:
servers survive in sessions of their own and `dev/stack down` ends exactly those.
"""
