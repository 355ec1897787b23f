"""What serves HTTP in any process: Tacker's REST, the console and metrics.

`http_listener.py` opens the address, `server_tls.py` reads the certificates and says who calls, `quiet_server.py` is
uvicorn without what a program of its own would do, `server_drain.py` says to fronts that a server will end.
`serve_fronts.py` joins them for what is behind a front; `request_admission.py` and `request_record.py` wrap its
application.
*Not here:* what is served, and who may call.
"""
