"""The monitor: hosts ping actions, probes VIMs and reports what it finds.

Read `host/build_host` for how it is assembled, `rounds/rounds` for when a VIM is probed, `targets/verdict` for how
answers are judged, and `probes` for each method. `mistral_action` does the same in a Mistral executor; queued actions
contain its path, so it cannot move. One loop serves 100,000 VIMs: nothing may block it, and no VIM may delay another.
"""
