"""The auditor's recount stands alone: it imports nothing of what it checks."""

import ast
from pathlib import Path

import services.voting.audit

ALLOWED = ("services.voting.audit", "shared.messaging.broker", "shared.settings")


def test_the_recount_imports_no_rule_table_query_tree_or_contract() -> None:
    modules: set[str] = set()
    for file in Path(services.voting.audit.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module or "")
    house = {name for name in modules if name.split(".")[0] in ("services", "shared")}
    assert {name for name in house if not name.startswith(ALLOWED)} == set()
