"""vimesh certs: makes, renews and revokes the certificates of a fleet's parts, and makes tokens for programs."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vimesh.certificates.local_names import names_of_this_machine
from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import chosen_output
from vimesh.cli.base.common_settings import given
from vimesh.cli.base.durations import seconds
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.commands.certificate_table import certificate_table
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.domain.access.caller import CallerRole
from vimesh.domain.settings import BadFlag
from vimesh.envoy.fleet.front_security import GRANTED_BY_TOKENS
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.read_files import read_whole

if TYPE_CHECKING:  # needs cryptography, which clients do not
    from vimesh.certificates.certificate_folder import CertificateFolder, Issued
    from vimesh.certificates.spiffe_ids import SpiffeId

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Make, renew and revoke the certificates of a fleet."
)

_LONGEST_TOKEN: Final = timedelta(days=366)
"""Nobody can take back a single token."""
_PROJECT = re.compile(r"[!-+.-~-]{1,255}", re.ASCII)

Directory = Annotated[
    Path,
    typer.Option(
        "--dir",
        metavar="DIR",
        envvar="VIMESH_CERTS_DIR",
        show_envvar=False,
        show_default=False,
        help="Folder of the certificates [VIMESH_CERTS_DIR; default: ./certs].",
    ),
]
RoleName = Annotated[
    str, typer.Argument(metavar="ROLE", help="front, conductor, api, monitor, executor, bridge, notifier or cli.")
]
PartName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the part, unique within its role.")]


@app.command()
def init(
    *,
    trust_domain: Annotated[
        str, typer.Option("--trust-domain", metavar="NAME", help="Name that all identities of the fleet begin with.")
    ] = "vimesh",
    directory: Directory = Path("certs"),
) -> None:
    """Create the authority of a fleet. Never replaces one."""
    from vimesh.certificates.certificate_authority import fingerprint  # noqa: PLC0415 - clients need no cryptography

    with _explained(directory) as certificates:
        authority = certificates.init(trust_domain, _now())
    typer.echo(f"created the authority of {trust_domain} in {directory / 'authority'}; keep ca.key to yourself")
    typer.echo(f"SHA-256 fingerprint: {fingerprint(authority.certificate)}")


@app.command()
def issue(
    role: RoleName,
    name: PartName,
    *,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Host name or IP address at which the part is reached; may be repeated"
            " [default for front, conductor and api: this machine].",
        ),
    ] = None,
    lifetime: Annotated[
        str, typer.Option("--lifetime", metavar="DURATION", help="How long the certificate is valid.")
    ] = "90d",
    directory: Directory = Path("certs"),
) -> None:
    """Make a key and a certificate for a part of the fleet."""
    valid_for = _lifetime(lifetime)
    with _explained(directory) as certificates:
        identity = _identity(certificates, role, name)
        hosts = host or (names_of_this_machine() if identity.role.serves else ())
        issued = certificates.issue(identity, tuple(hosts), valid_for, _now())
    _print_issued("issued", certificates, issued)


@app.command()
def renew(
    role: Annotated[
        str | None, typer.Argument(metavar="ROLE", help="Role of the part; without it, renew all that are due.")
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of the part.")] = None,
    *,
    directory: Directory = Path("certs"),
) -> None:
    """Renew a certificate, or all whose last third has begun. The former ones stay valid until they expire."""
    with _explained(directory) as certificates:
        if role is None:
            renewed = certificates.renew_due(_now())
        elif name is None:
            raise BadFlag("NAME", f"is required: vimesh certs renew {role} NAME")
        else:
            renewed = [certificates.renew(_identity(certificates, role, name), _now())]
    for issued in renewed:
        _print_issued("renewed", certificates, issued)
    if not renewed:
        typer.echo("no certificate is due")


@app.command()
def revoke(role: RoleName, name: PartName, *, directory: Directory = Path("certs")) -> None:
    """Revoke all certificates of a part."""
    with _explained(directory) as certificates:
        identity = _identity(certificates, role, name)
        revoked = certificates.revoke(identity, _now())
    if not revoked:
        raise Failure(
            f"{identity} has no valid certificate", code=ExitCode.NOT_FOUND, hint="vimesh certs list shows all"
        )
    noun = "certificate" if revoked == 1 else "certificates"
    typer.echo(f"revoked {revoked} {noun} of {identity}; the list is {directory / 'trust' / 'crl.pem'}")


@app.command()
def trust(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Certificates of the authorities and their revocation lists, in PEM.")
    ],
    *,
    directory: Directory = Path("certs"),
) -> None:
    """Trust other authorities, too, such as a company's, or the one that will replace this one.

    Include the revocation list of each: a front that checks revocation refuses certificates of an authority without
    one. Repeat the command with a newer list to replace it.
    """
    try:
        pem = read_whole(file, MAX_DOCUMENT_BYTES)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise Failure(f"{file}: {error}") from error
    with _explained(directory) as certificates:
        added = certificates.trust(pem, _now())
    noun = "authority" if added == 1 else "authorities"
    typer.echo(f"added {added} {noun} to {directory / 'trust' / 'ca.crt'}")


@app.command()
def token(  # noqa: PLR0913 - one parameter per flag
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the program that the token is for.")],
    *,
    role: Annotated[
        list[str], typer.Option("--role", metavar="ROLE", help=f"{', '.join(GRANTED_BY_TOKENS)}; may be repeated.")
    ],
    project: Annotated[
        list[str] | None,
        typer.Option("--project", metavar="ID", help="Project of the token, or * for all; may be repeated."),
    ] = None,
    lifetime: Annotated[
        str, typer.Option("--lifetime", metavar="DURATION", help="How long the token is valid; at most 366d.")
    ] = "30d",
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Sign with a new key: all tokens that were issued before end.")
    ] = False,
    directory: Directory = Path("certs"),
) -> None:
    """Make a bearer token for a program, where there is no issuer of tokens.

    The front takes it if its fleet file names trust/jwks.json.
    """
    from vimesh.certificates.service_tokens import ServiceTokens  # noqa: PLC0415 - clients need no cryptography

    _check_grants(role, project or ())
    ends_in = _lifetime(lifetime)
    if ends_in > _LONGEST_TOKEN:
        raise BadFlag("--lifetime", f"must be at most {_LONGEST_TOKEN.days}d")
    with _explained(directory) as certificates:
        tokens = ServiceTokens(certificates)
        if new_key:
            tokens.replace_key()
        issued = tokens.issue(name, role, project or (), ends_in, _now())
    typer.echo(f"issued {issued.identity}, valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC: {issued.folder}")


@app.command("list")
def list_(  # noqa: PLR0913 - one parameter per flag
    *,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    directory: Directory = Path("certs"),
    config: flags.Config = None,
) -> None:
    """List the newest certificate of each part."""
    table = certificate_table(_now())
    choice = list_flags.list_choice(
        chosen_output(given(config), output, ROWS), table, columns=columns, no_headers=no_headers, sort_by=sort_by
    )
    with _explained(directory) as certificates:
        entries = certificates.entries()
    if not entries and choice.output is Output.TABLE:
        typer.echo("no certificates; make one with: vimesh certs issue ROLE NAME")
        return
    print_items(table, entries, choice)


def _identity(certificates: CertificateFolder, role: str, name: str) -> SpiffeId:
    from vimesh.certificates.spiffe_ids import SpiffeId, parse_role  # noqa: PLC0415 - clients need no cryptography

    return SpiffeId(certificates.authority().trust_domain, parse_role(role), name)


def _check_grants(roles: Sequence[str], projects: Sequence[str]) -> None:
    """Raise BadFlag for what the front would leave out of the token."""
    if unknown := [each for each in roles if each not in GRANTED_BY_TOKENS]:
        raise BadFlag("--role", f"must be one of {', '.join(GRANTED_BY_TOKENS)}, not {unknown[0][:50]!r}")
    if odd := [each for each in projects if not _PROJECT.fullmatch(each)]:
        raise BadFlag("--project", f"must be printable ASCII without spaces and commas, not {odd[0][:50]!r}")
    if not projects and CallerRole.ADMIN not in roles:
        raise BadFlag("--project", "is required, because only an admin has all projects")


def _print_issued(deed: str, certificates: CertificateFolder, issued: Issued) -> None:
    typer.echo(
        f"{deed} {issued.identity}, valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC:"
        f" {certificates.folder_of(issued.identity)}"
    )


def _lifetime(text: str) -> timedelta:
    try:
        lifetime = timedelta(seconds=seconds(text))
    except ValueError as error:
        raise BadFlag("--lifetime", str(error)) from error
    if lifetime < timedelta(minutes=1):
        raise BadFlag("--lifetime", "must be at least 1m")
    return lifetime


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def _explained(directory: Path) -> Generator[CertificateFolder]:
    """Yield the folder, and explain what goes wrong there. Raises Failure."""
    from vimesh.certificates import certificate_folder as folders  # noqa: PLC0415 - clients need no cryptography
    from vimesh.certificates.certificate_authority import BadAuthority  # noqa: PLC0415 - as above
    from vimesh.certificates.spiffe_ids import BadIdentity  # noqa: PLC0415 - as above

    try:
        yield folders.CertificateFolder(directory)
    except folders.AuthorityMissing as error:
        raise Failure(str(error), code=ExitCode.NOT_FOUND, hint=f"vimesh certs init --dir {directory}") from error
    except folders.CertificateMissing as error:
        raise Failure(str(error), code=ExitCode.NOT_FOUND, hint="vimesh certs issue makes one") from error
    except folders.CertificateExists as error:
        raise Failure(str(error), hint="vimesh certs list shows what there is; renew replaces certificates") from error
    except (BadAuthority, BadIdentity) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or directory}: {error.strerror}") from error
