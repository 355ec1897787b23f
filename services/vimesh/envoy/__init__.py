"""Renders the configuration of the front: plain files for a real Envoy, without a control plane.

Read `fleet/fleet_file` for the input, `bootstrap` for the output, and `routes` for where each call goes. Everything
here turns data into data; only `envoy_binary` and `validate_bootstrap` deal with Envoy itself.
"""
