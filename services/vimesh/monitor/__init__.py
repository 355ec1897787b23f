"""The monitor: hosts ping actions, probes VIMs and reports what it finds.

Read `host/build_host` for how it is put together, `rounds/rounds` for when a VIM is probed, `targets/verdict` for what
the answers say, and `probes` for each method. `mistral_action` is the same in a Mistral executor; its path is in queued
actions and cannot change. One loop serves 100,000 VIMs: nothing here may block it, and no VIM may delay another one.
"""
