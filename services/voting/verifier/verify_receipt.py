#!/usr/bin/env python3
"""Checks a receipt of the public vote, and that signed heads only ever grew. Needs Python 3.8, nothing else.

    python3 verify_receipt.py receipt receipt-7KQ2-M9XD-4TBA.json [--key HEX]
    python3 verify_receipt.py heads earlier.json later.json consistency.json [--key HEX]

The files come from the receipt page and from /api/voting/v1/contests/<contest>/heads/…; give --key the
public key as you know it from elsewhere (a poster, the press, the event VotingOpened), or the file's own
is believed. Exit code 0: it holds; 1: it does not; 2: the command or a file is not as it should be.
ตรวจใบรับการโหวตและบันทึกที่ลงลายมือชื่อ ด้วย Python 3.8 ขึ้นไป ไม่ต้องติดตั้งอะไรเพิ่ม
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

EMPTY = hashlib.sha256(b"").hexdigest()
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P  # Ed25519: RFC 8032 section 5.1


class Wrong(Exception):
    pass


def point(raw: bytes) -> tuple[int, ...]:
    y, sign = int.from_bytes(raw, "little") & (2**255 - 1), raw[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if (x * x - xx) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P or (x == 0 and sign):
        raise Wrong("the signature or the key is no point of the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def multiply(scalar: int, a: tuple[int, ...]) -> tuple[int, ...]:
    total: tuple[int, ...] = (0, 1, 1, 0)
    while scalar:
        total = add(total, a) if scalar & 1 else total
        a, scalar = add(a, a), scalar >> 1
    return total


def signature_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64 or int.from_bytes(signature[32:], "little") >= Q:
        return False
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left = multiply(int.from_bytes(signature[32:], "little"), base)
    right = add(point(signature[:32]), multiply(k, point(key)))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def climb(at: int, last: int, start: bytes, path: list[bytes]) -> tuple[str, str]:
    before = whole = start  # roots of the tree that ended here, and of all: RFC 9162 2.1.3.2, 2.1.4.2
    for sibling in path:
        if last == 0:
            raise Wrong("a proof is too long")
        if at & 1 or at == last:
            before, whole = node(sibling, before), node(sibling, whole)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            whole = node(whole, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("a proof is too short")
    return before.hex(), whole.hex()


def check_growth(old: dict[str, Any], new: dict[str, Any], path: list[bytes]) -> None:
    """Two heads of one partition: the later tree begins with the earlier one."""
    m, n, name = old["size"], new["size"], f"partition {new['partition']}"
    if m > n or (m == n and old["root"] != new["root"]) or (m == 0 and old["root"] != EMPTY):
        raise Wrong(f"{name} shrank, or changed without growing")
    if 0 < m < n:
        path = path if m & (m - 1) else [bytes.fromhex(old["root"]), *path]
        at, last = m - 1, n - 1
        while at & 1:
            at, last = at >> 1, last >> 1
        if not path or climb(at, last, path[0], path[1:]) != (old["root"], new["root"]):
            raise Wrong(f"{name} was changed between the two heads")


def check_signature(head: dict[str, Any], key: str) -> None:
    signed = {name: head[name] for name in ("contest_id", "heads", "revision", "signed_at")}
    message = json.dumps(signed, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    if not signature_holds(bytes.fromhex(key), message, bytes.fromhex(head["signature"])):
        raise Wrong(f"the signature of head {head['revision']} does not hold")


def check_receipt(given: dict[str, Any], key: str) -> str:
    head, index = given["head"], given["index"]
    tree = next(each for each in head["heads"] if each["partition"] == given["partition"])
    path = [bytes.fromhex(each) for each in given["proof"]]
    leaf = hashlib.sha256(b"\x00" + f"{given['receipt']}\n{given['commitment']}".encode()).digest()
    _, root = climb(index, tree["size"] - 1, leaf, path)
    if not 0 <= index < tree["size"] or root != tree["root"] or head["contest_id"] != given["contest_id"]:
        raise Wrong("the receipt does not lie under this head")
    check_signature(head, key)
    place = f"{given['receipt']} is leaf {index} of partition {given['partition']}"
    return f"{place}, signed in head {head['revision']}. ใบรับนี้อยู่ในบันทึกที่ลงลายมือชื่อแล้ว"


def check_heads(old: dict[str, Any], new: dict[str, Any], proof: dict[str, Any], key: str) -> str:
    paths = {each["partition"]: each["proof"] for each in proof["partitions"]}
    olds, news = ({each["partition"]: each for each in head["heads"]} for head in (old, new))
    if old["contest_id"] != new["contest_id"] or not olds.keys() <= news.keys():
        raise Wrong("the heads are of two contests, or a partition is missing")
    for partition, tree in news.items():
        path = [bytes.fromhex(each) for each in paths.get(partition, [])]
        check_growth(olds.get(partition, {"size": 0, "root": EMPTY}), tree, path)
    check_signature(old, key)
    check_signature(new, key)
    return f"Head {new['revision']} only added to head {old['revision']}. บันทึกฉบับหลังเพิ่มจากฉบับก่อนเท่านั้น"


def main(words: list[str]) -> str:
    at = words.index("--key") if "--key" in words else len(words)
    (what, *names), key = words[:at] + words[at + 2 :] or [""], "".join(words[at + 1 : at + 2])
    if (what, len(names)) not in (("receipt", 1), ("heads", 3)):
        raise ValueError(__doc__)
    files = [json.load(open(name, encoding="utf-8")) for name in names]  # noqa: SIM115, PTH123
    told = "" if key else f"\nKey: {files[-1]['public_key']} – the file's own: compare it with one you know."
    check: Any = check_receipt if what == "receipt" else check_heads
    return f"{check(*files, key or files[-1]['public_key'])}{told}"


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except Wrong as wrong:
        sys.exit(f"WRONG ไม่ถูกต้อง: {wrong}")
    except (OSError, ValueError, KeyError, TypeError, IndexError, StopIteration, AttributeError) as error:
        print(error if __doc__ in error.args else f"not usable: {error}", file=sys.stderr)
        sys.exit(2)
