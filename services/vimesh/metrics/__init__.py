"""What operators can see of a process: its metrics, for Prometheus.

Parts count in plain numbers; a collector of their process reads them when it is asked. Start at `exposition.py`, to
which a process gives its collectors, and `metric_catalogue.py`, which names each metric once. `metrics_server.py`
answers, in a thread with a loop of its own; `families.py` turns numbers into what prometheus-client writes.
*Not here:* the collectors of a process, which are in its folder.
"""
