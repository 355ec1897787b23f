"""Generates Python code and the descriptor set from the protos: `python protos/generate.py [OUT]`.

The output goes to `gen/` and is committed. `vimesh/v1/contract.binpb` holds every message and service with comments
and all that they import: Envoy's transcoder reads it, and so can `grpcurl -protoset` and any gRPC library that loads
services at run time.
`vimesh/v1/plain.binpb` is the same for compilers of other languages, without the rules of validation and the paths of
JSON: so they need no code of `buf/validate`, which hardly any of them has at hand.

The Python code of `buf/validate` lies inside of ours, at `vimesh.v1.buf.validate`: a package `buf` at the top would be
shared with whoever else installs one.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import google.api
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).parent
VALIDATE = "buf/validate/validate.proto"
RULES = (
    "buf/validate/validate.proto",
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/field_behavior.proto",
)
_IMPORT, _OWN_IMPORT = "\nfrom buf.validate import ", "\nfrom vimesh.v1.buf.validate import "


def validate_set() -> bytes:
    """Return validate.proto as descriptors: the wheel of protovalidate has no source file of it."""
    rules = descriptor_pb2.FileDescriptorProto.FromString(validate_pb._DESC.proto.to_binary())  # noqa: SLF001 - the only way to it
    found = descriptor_pb2.FileDescriptorSet()
    for imported in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        imported.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.append(rules)
    return found.SerializeToString()


def without_rules(contract: bytes) -> bytes:
    """Return the contract without what its options say, but with the options that compilers need."""
    whole = descriptor_pb2.FileDescriptorSet.FromString(contract)
    plain = descriptor_pb2.FileDescriptorSet(file=[file for file in whole.file if file.name not in RULES])
    for file in plain.file:
        if not file.name.startswith("vimesh/"):
            continue
        file.dependency[:] = [name for name in file.dependency if name not in RULES]
        for message in file.message_type:
            _clear_options(message)
        for service in file.service:
            for method in service.method:
                method.ClearField("options")
        # Go cannot do without a package, and a class of Java for each file would be odd to use.
        file.options.go_package = "vimesh/v1;vimeshv1"
        file.options.java_package = "vimesh.v1"
        file.options.java_multiple_files = True
    return plain.SerializeToString(deterministic=True)


def _clear_options(message: descriptor_pb2.DescriptorProto) -> None:
    # That a nested message is an entry of a map is said by an option, too.
    is_map_entry = message.options.map_entry
    message.ClearField("options")
    if is_map_entry:
        message.options.map_entry = True
    for part in (*message.field, *message.oneof_decl):
        part.ClearField("options")
    for nested in message.nested_type:
        _clear_options(nested)


def run(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]):
        raise SystemExit("protoc failed")


def generate(out: Path) -> None:
    for stale in out.rglob("*_pb2*"):
        stale.unlink()
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("vimesh/**/*.proto"))
    services = [source for source in sources if source.endswith("_service.proto")]
    google_api = Path(next(iter(google.api.__path__))).parents[1]
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        known = Path(scratch, "validate.binpb")
        known.write_bytes(validate_set())
        includes = (
            *(
                f"--plugin={Path(sys.executable).parent / plugin}"
                for plugin in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
            ),
            f"-I{PROTOS}",
            f"-I{google_api}",
            f"-I{files('grpc_tools') / '_proto'}",
            f"--descriptor_set_in={known}",
        )
        run(*includes, f"--python_out={out}", f"--mypy_out=quiet:{out}", *sources)
        run(*includes, f"--python_out={out / 'vimesh/v1'}", f"--mypy_out=quiet:{out / 'vimesh/v1'}", VALIDATE)
        for code in out.glob("vimesh/v1/*_pb2*.py*"):
            code.write_text(code.read_text().replace(_IMPORT, _OWN_IMPORT))
        run(*includes, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services)
        run(
            *includes,
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out / 'vimesh/v1/contract.binpb'}",
            *sources,
            "google/rpc/error_details.proto",  # what the details of an error are made of
        )
    contract = out / "vimesh/v1/contract.binpb"
    contract.with_name("plain.binpb").write_bytes(without_rules(contract.read_bytes()))


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS.parent / "gen")
