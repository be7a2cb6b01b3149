"""The stand-alone verifier: alone, small, and of one mind with the cryptography library and the trees."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.voting.domain import merkle
from services.voting.domain.heads import HeadSigner, leaf_hash_of, signed_bytes
from services.voting.verifier import verify_receipt

FILE = Path(verify_receipt.__file__)
SIGNER = HeadSigner.of("0f" * 32)
KEY = SIGNER.public_key("c")
LEAVES = [(f"7KQ2-M9XD-{n:04d}", f"{n:064x}") for n in range(37)]
HASHES = [leaf_hash_of(*leaf) for leaf in LEAVES]


def a_head(size: int, revision: int = 1, other: int = 3) -> dict[str, Any]:
    heads = [
        {"partition": 0, "size": size, "root": merkle.root_of(HASHES[:size]).hex()},
        {"partition": 1, "size": other, "root": merkle.root_of(HASHES[:other]).hex()},
    ]
    head: dict[str, Any] = {
        "contest_id": "c",
        "heads": heads,
        "key_id": "k",
        "revision": revision,
        "signed_at": "2022-08-05T00:00:00Z",
    }
    return head | {"signature": SIGNER.sign("c", signed_bytes(head))}


def a_bundle(index: int, size: int) -> dict[str, Any]:
    receipt, commitment = LEAVES[index]
    proof = [node.hex() for node in merkle.inclusion_proof(HASHES[:size], index)]
    return {
        "contest_id": "c", "receipt": receipt, "commitment": commitment, "partition": 0, "index": index,
        "proof": proof, "head": a_head(size), "public_key": KEY,
    }  # fmt: skip


def run(folder: Path, what: str, *documents: Any, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """The verifier as a citizen runs it: its own process, in isolation from this project."""
    names = []
    for number, document in enumerate(documents):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        names.append(str(path))
    done = subprocess.run(
        [sys.executable, "-I", str(FILE), what, *names, *options],
        capture_output=True, cwd=folder, env={"PYTHONIOENCODING": "utf-8"}, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode()


def test_it_is_one_short_file_that_imports_the_standard_library_only() -> None:
    source = FILE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "hashlib", "json", "sys", "typing"}
    assert (Path(__file__).parents[3] / "docs" / FILE.name).read_text(encoding="utf-8") == source


@settings(max_examples=25, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=60), flip=st.integers(0, 511))
def test_its_ed25519_is_the_library_s(seed: bytes, message: bytes, flip: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify_receipt.signature_holds(public, message, signature)
    changed = bytearray(signature)
    changed[flip // 8] ^= 1 << flip % 8
    assert not holds(public, message, bytes(changed))
    assert not holds(public, message + b"!", signature)


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        return verify_receipt.signature_holds(public, message, signature)
    except verify_receipt.Wrong:
        return False


def test_rfc_8032_vector() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify_receipt.signature_holds(public, b"\x72", signature)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_receipt_holds_and_no_changed_one_does(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    bundle = a_bundle(index, size)
    assert LEAVES[index][0] in verify_receipt.check_receipt(bundle, KEY)
    other = LEAVES[(index + 1) % len(LEAVES)]
    for change in (
        {"receipt": other[0]},
        {"commitment": other[1]},
        {"index": index + 1},
        {"index": -1},
        {"proof": bundle["proof"][:-1] if bundle["proof"] else ["00" * 32]},
        {"proof": [*bundle["proof"], "00" * 32]},
        {"contest_id": "d"},
        {"head": bundle["head"] | {"signature": "00" * 64}},
    ):
        with pytest.raises(verify_receipt.Wrong):
            verify_receipt.check_receipt(bundle | change, KEY)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_heads_that_grew_hold_and_others_do_not(data: st.DataObject) -> None:
    new = data.draw(st.integers(0, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    path = merkle.consistency_proof(HASHES[:new], old) if old else []
    proof = {"partitions": [{"partition": 0, "proof": [node.hex() for node in path]}]}
    earlier, later = a_head(old), a_head(new, 2)
    verify_receipt.check_heads(earlier, later, proof, KEY)
    forged = a_head(new, 2)
    forged["heads"][0]["root"] = merkle.root_of(HASHES[1 : new + 1]).hex()
    forged["signature"] = SIGNER.sign("c", signed_bytes(forged))
    if old < new:
        with pytest.raises(verify_receipt.Wrong):
            verify_receipt.check_heads(later, earlier, proof, KEY)
    if old > 0 and forged["heads"] != later["heads"]:
        with pytest.raises(verify_receipt.Wrong):
            verify_receipt.check_heads(earlier, forged, proof, KEY)


def test_it_says_so_with_its_exit_code(tmp_path: Path) -> None:
    bundle = a_bundle(5, 20)
    code, said = run(tmp_path, "receipt", bundle, options=("--key", KEY))
    assert (code, "is leaf 5 of partition 0, signed in head 1" in said, "own" in said) == (0, True, False)
    code, said = run(tmp_path, "receipt", bundle)
    assert (code, "the file's own" in said) == (0, True)
    code, said = run(tmp_path, "receipt", bundle, options=("--key", SIGNER.public_key("d")))
    assert (code, "the signature of head 1 does not hold" in said) == (1, True)
    code, said = run(tmp_path, "receipt", {"receipt": "x"})
    assert (code, "not usable" in said) == (2, True)
    code, said = run(tmp_path, "nonsense")
    assert (code, "Checks a receipt" in said) == (2, True)
    proof = {
        "partitions": [
            {"partition": 0, "proof": [n.hex() for n in merkle.consistency_proof(HASHES[:20], 7)]}
        ],
        "public_key": KEY,
    }
    code, said = run(tmp_path, "heads", a_head(7), a_head(20, 2), proof)
    assert (code, "head 2 only added to head 1".lower() in said.lower()) == (0, True)
    code, said = run(tmp_path, "heads", a_head(7), a_head(21, 2), proof)
    assert (code, "partition 0 was changed" in said) == (1, True)
