"""Errors as the REST door answers them. Everything that fails has Tacker's form."""
