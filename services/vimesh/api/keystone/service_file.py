"""Reads a configuration file of an OpenStack service: how the api process logs in to Keystone, and Tacker's rules.

The options are those that keystonemiddleware and oslo.policy have in [keystone_authtoken] and [oslo_policy].
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vimesh.domain.errors import BadSetting

SETTING: Final = "--keystone-file"
_GROUP: Final = "keystone_authtoken"
_POLICY_GROUP: Final = "oslo_policy"
_MAX_URI: Final = 512


@dataclass(frozen=True, slots=True)
class ServiceFile:
    conf: Any
    """The options, as oslo.config has read them."""
    auth: Any
    """The login of the service user, which all sessions share: a plugin of keystoneauth."""
    uri: str
    """The address of Keystone that callers are told, and that stands for it in identities."""

    def open_session(self) -> Any:  # noqa: ANN401 - the library has no types
        """Return a new session of the service user. The caller closes it."""
        from keystoneauth1 import loading  # noqa: PLC0415 - optional, and slow to import

        return loading.load_session_from_conf_options(self.conf, _GROUP, auth=self.auth)


def read_service_file(path: Path) -> ServiceFile:
    """Read the file. Raises BadSetting, which repeats no values."""
    cfg, loading, exceptions, policy_options = _libraries()
    conf = cfg.ConfigOpts()
    try:
        path.open("rb").close()  # oslo.config treats a folder as an empty file
        conf([], default_config_files=[str(path)], default_config_dirs=[])
        loading.register_session_conf_options(conf, _GROUP)
        loading.register_auth_conf_options(conf, _GROUP)
        conf.register_opt(cfg.StrOpt("www_authenticate_uri", deprecated_name="auth_uri"), group=_GROUP)
        for group, options in policy_options.list_opts():
            conf.register_opts(options, group=group)
        auth = loading.load_auth_from_conf_options(conf, _GROUP)
        # Reads the rest of the options, so that a wrong one is noticed here.
        loading.load_session_from_conf_options(conf, _GROUP, auth=auth)
        uri = conf[_GROUP].www_authenticate_uri or getattr(auth, "auth_url", None) or ""
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be read: {error.strerror}") from None
    except cfg.ConfigFileParseError as error:
        # The error's text repeats the line, which may contain a password.
        line = getattr(error.__context__, "lineno", "?")
        raise BadSetting(SETTING, f"{path}: line {line} is neither a [group] nor an option = value") from None
    except cfg.NoSuchOptError:
        what = f"{path}: a $ in [{_GROUP}] does not begin the name of an option; write $$ for a $"
        raise BadSetting(SETTING, what) from None
    except (cfg.Error, ValueError) as error:
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] is not valid: {type(error).__name__}") from None
    except exceptions.MissingRequiredOptions as error:
        missing = ", ".join(option.dest for option in error.options)
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] lacks {missing}") from None
    except exceptions.ClientException as error:
        # Such as an auth_type that does not exist.
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] is not valid: {error}") from None
    if auth is None:
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] has no auth_type, such as auth_type = password")
    _check(path, conf, cfg, uri)
    return ServiceFile(conf, auth, uri)


def _check(path: Path, conf: Any, cfg: Any, uri: str) -> None:  # noqa: ANN401 - the library has no types
    if not (uri.startswith(("http://", "https://")) and uri.isascii() and uri.isprintable() and len(uri) <= _MAX_URI):
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] needs www_authenticate_uri, the URL of Keystone for its users")
    if any(mark in uri for mark in '" #@'):
        raise BadSetting(SETTING, f"{path}: [{_GROUP}] www_authenticate_uri must be a URL without user and fragment")
    place = conf.get_location("policy_file", _POLICY_GROUP)
    try:
        missing = conf.find_file(conf[_POLICY_GROUP].policy_file) is None
    except cfg.ConfigFilesNotFoundError:
        missing = True
    if missing and place is not None and place.location.is_user_controlled:
        raise BadSetting(SETTING, f"{path}: [{_POLICY_GROUP}] policy_file names a file that does not exist")


def _libraries() -> tuple[Any, Any, Any, Any]:
    """Import the libraries. Raises BadSetting if they are missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they warn about themselves
            from keystoneauth1 import exceptions, loading  # noqa: PLC0415 - optional, and slow to import
            from oslo_config import cfg  # noqa: PLC0415 - as above
            from oslo_policy import opts  # noqa: PLC0415 - as above
    except ImportError as error:
        what = f"needs packages that are not installed ({error.name}): pip install '.[api,keystone]' in a checkout"
        raise BadSetting(SETTING, what) from None
    return cfg, loading, exceptions, opts
