"""Status pages: HTML without scripts, badges and a feed for readers who have no part in the fleet.

`pages_file.py` reads which pages there are, `fleet_answers.py` asks conductors, `cached_answer.py` lets any number of
readers share what they answered, `line_states.py` decides what is said of it, `render_page.py` writes it with the
templates, and `status_routes.py` serves it.
- *Invariant:* nothing here asks for ids, names or addresses of VIMs, so none can be shown.
"""
