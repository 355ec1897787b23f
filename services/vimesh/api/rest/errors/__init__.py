"""Turns errors into answers of the REST API, all of them in Tacker's form."""
