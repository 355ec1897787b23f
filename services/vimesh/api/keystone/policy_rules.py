"""Applies Tacker's rules by oslo.policy: those in a policy file, else those that Tacker had for VIMs."""

from __future__ import annotations

from typing import Any, Final

from vimesh.api.keystone.service_file import SETTING
from vimesh.api.keystone.token_claims import TokenClaims
from vimesh.domain.errors import BadSetting

_ADMIN: Final = "context_is_admin"
_RULES: Final = {
    _ADMIN: "role:admin",
    "admin_or_owner": f"rule:{_ADMIN} or tenant_id:%(tenant_id)s",
    "admin_only": f"rule:{_ADMIN}",
    "regular_user": "",
    "shared": "field:vims:shared=True",
    "default": "rule:admin_or_owner",
    "get_vim": "rule:admin_or_owner or rule:shared",
    **dict.fromkeys(
        ("get_vims", "create_vim", "update_vim", "delete_vim", "get_events", "get_event"), "rule:admin_or_owner"
    ),
}


class PolicyRules:
    """The file is read again when it has changed."""

    def __init__(self, conf: Any) -> None:  # noqa: ANN401 - the library has no types
        """`conf`: the options of oslo.policy. Raises BadSetting for a file that cannot be read."""
        from oslo_config import cfg  # noqa: PLC0415 - optional, and slow to import
        from oslo_policy import policy  # noqa: PLC0415 - as above

        policy.register("field", _field_check(policy))
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults([policy.RuleDefault(name, rule) for name, rule in _RULES.items()])
        try:
            self._enforcer.load_rules()
            # What a file has wrong would else be a warning, and a rule that nobody passes.
            self._enforcer.check_rules(raise_on_violation=True)
        except policy.InvalidDefinitionError as error:
            raise BadSetting(
                SETTING, f"the policy file has rules that name others that do not exist: {error}"
            ) from None
        except (cfg.Error, ValueError, OSError) as error:
            raise BadSetting(SETTING, f"the policy file cannot be used: {error}") from None

    def is_admin(self, claims: TokenClaims) -> bool:
        """Return whether the caller may do everything in all projects."""
        return bool(self._enforcer.enforce(_ADMIN, {}, _credentials(claims)))

    def allows(self, claims: TokenClaims, rule: str, project_id: str) -> bool:
        """Return whether a rule allows something in a project to a caller that is no administrator."""
        # A VIM is never shared: Tacker's API could not set it either.
        target = {"tenant_id": project_id, "project_id": project_id, "shared": False}
        return bool(self._enforcer.enforce(rule, target, _credentials(claims)))


def _credentials(claims: TokenClaims) -> dict[str, object]:
    return {
        "user_id": claims.user_id,
        "project_id": claims.project_id,
        "tenant_id": claims.project_id,
        "roles": list(claims.roles),
        # No rule is applied to administrators.
        "is_admin": False,
        "user_domain_id": claims.user_domain_id,
        "project_domain_id": claims.project_domain_id,
        "system_scope": claims.system_scope,
    }


def _field_check(policy: Any) -> Any:  # noqa: ANN401 - the library has no types
    """Return Tacker's check `field:vims:NAME=VALUE`, which compares a value of the VIM."""

    class FieldCheck(policy.Check):  # type: ignore[misc]  # the library has no types
        def __call__(self, target: Any, _creds: Any, _enforcer: Any, _rule: Any = None) -> bool:  # noqa: ANN401 - as above
            name, _, value = self.match.partition(":")[2].partition("=")
            return name in target and str(target[name]) == value

    return FieldCheck
