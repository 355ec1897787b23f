"""What serves HTTP in any process: Tacker's REST and metrics.

`http_listener.py` opens the address, `server_tls.py` reads the certificates and says who calls, `quiet_server.py` is
uvicorn without what a program of its own would do, `server_drain.py` says to fronts that a server will end.
*Not here:* what is served, and who may call.
"""
