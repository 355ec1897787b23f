"""Renders the configuration of the front: plain files for a real Envoy, without a control plane.

Read `fleet/fleet_file` for what is put in, `bootstrap` for what comes out, and `routes` for which call goes where.
Everything here is data made from data; `envoy_binary` and `validate_bootstrap` are all that touches Envoy itself.
"""
