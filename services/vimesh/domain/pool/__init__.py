"""The pool: the monitors that share the VIMs of a vantage among them."""
