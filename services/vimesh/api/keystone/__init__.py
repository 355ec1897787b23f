"""Keystone and Tacker's rules: who a token stands for, and what that caller may do in Tacker's REST.

Start with `keystone_callers.py`. `token_checks` has Keystone asked and remembers its answers, `policy_rules` applies
Tacker's rules by oslo.policy, and `service_file` reads the options of both as OpenStack's services do. The packages of
OpenStack are optional, and imported when there is such a file.
"""
