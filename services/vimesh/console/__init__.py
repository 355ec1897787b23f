"""The console process: serves the browser application to operators, and status pages to everybody else.

Read `console_process` first, then `console_app` for the paths and `static_bundle` for the files of the application.
`status` has the status pages. The application calls conductors by itself, as the person who uses it; the process asks
them for status pages only, with an identity of its own that may do nothing else.
*Not here:* the sources of the application, which are in `web`.
"""
