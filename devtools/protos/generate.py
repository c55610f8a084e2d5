"""Generates libs/stubs from proto/, or with --check tells whether it is still what proto/ says.

python devtools/protos/generate.py            writes the stubs
python devtools/protos/generate.py --check    ends with status 1 on drift
python devtools/protos/generate.py --release  also freezes the protos that `buf breaking` compares with
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
STUBS = ROOT / "libs/stubs/src"
RELEASED = PROTO / "released.binpb"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--release", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        generated = Path(folder)
        generate(generated)
        if options.check:
            drifted = differences(generated / "ioc", STUBS / "ioc")
            if drifted:
                print(f"libs/stubs is not what proto/ says ({', '.join(drifted[:5])} ...): run `make protos`, commit")
                return 1
            return 0
        shutil.rmtree(STUBS / "ioc", ignore_errors=True)
        shutil.copytree(generated / "ioc", STUBS / "ioc")
    if options.release:
        compile_protos([f"--descriptor_set_out={RELEASED}", "--include_imports"])
    return 0


def generate(target: Path) -> None:
    """Writes messages, services and their types below `target`."""
    plugins = Path(sys.executable).parent
    compile_protos(
        [
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet:{target}",
        ]
    )
    for package in [target / "ioc", *(path for path in (target / "ioc").rglob("*") if path.is_dir())]:
        (package / "__init__.py").write_text('"""Generated from proto/: never edited by hand."""\n')
    (target / "ioc" / "py.typed").touch()


def compile_protos(arguments: list[str]) -> None:
    well_known = files("grpc_tools") / "_proto"
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    status = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *arguments, *sources])
    if status != 0:
        sys.exit("protoc refused the protos, see above")


def differences(left: Path, right: Path) -> list[str]:
    """Names of files that differ or stand on one side only."""

    def names(root: Path) -> set[str]:
        return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts}

    one, other = names(left), names(right)
    same_names = one & other
    return sorted((one ^ other) | {n for n in same_names if not filecmp.cmp(left / n, right / n, shallow=False)})


if __name__ == "__main__":
    sys.exit(main())
