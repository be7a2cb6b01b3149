"""Assignment: complete, without conflicts, balanced as well as can be, and repeatable."""

from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scoring.domain.assignment import Expert, Plan, assign
from shared.contracts.ids import CategoryId, EntryId, JudgeId

CATEGORIES = [CategoryId("a"), CategoryId("b"), CategoryId("c")]


def expert(number: int, *categories: str) -> Expert:
    """Judge ``number`` with that expertise."""
    return Expert(JudgeId(f"judge-{number}"), frozenset(CategoryId(c) for c in categories))


def loads(plan: Plan, experts: list[Expert]) -> list[int]:
    """How many entries each judge has, least first."""
    return sorted(len(plan.of(each.judge_id)) for each in experts)


def test_work_is_spread_evenly() -> None:
    entries = {EntryId(f"e{n:02}"): CATEGORIES[n % 3] for n in range(40)}
    experts = [expert(n) for n in range(9)]
    plan = assign(entries, experts, per_entry=3)
    assert loads(plan, experts) == [13, 13, 13, 13, 13, 13, 14, 14, 14]
    assert plan.short == {}


def test_conflicts_and_expertise_are_respected_and_gaps_named() -> None:
    entries = {EntryId("e1"): CategoryId("a"), EntryId("e2"): CategoryId("b")}
    experts = [expert(1, "a"), expert(2, "a"), expert(3, "b")]
    plan = assign(entries, experts, per_entry=2, conflicts={(JudgeId("judge-2"), EntryId("e1"))})
    assert plan == Plan(frozenset({("judge-1", "e1"), ("judge-3", "e2")}), {"e1": 1, "e2": 1})


def test_what_is_kept_stays_and_others_even_it_out() -> None:
    entries = {EntryId(f"e{n}"): CategoryId("a") for n in range(4)}
    experts = [expert(1), expert(2)]
    kept = {(JudgeId("judge-1"), EntryId("e0")), (JudgeId("judge-1"), EntryId("e1"))}
    plan = assign(entries, experts, per_entry=1, kept=kept)
    assert plan.of(JudgeId("judge-1")) == {"e0", "e1"}
    assert plan.of(JudgeId("judge-2")) == {"e2", "e3"}


def test_kept_pair_of_a_conflict_is_dropped() -> None:
    pair = (JudgeId("judge-1"), EntryId("e1"))
    plan = assign(
        {pair[1]: CategoryId("a")}, [expert(1), expert(2)], per_entry=1, kept={pair}, conflicts={pair}
    )
    assert plan.pairs == {("judge-2", "e1")}


@st.composite
def panels(draw):  # type: ignore[no-untyped-def]
    """Entries, judges with expertise, conflicts, and judges per entry."""
    entries = {EntryId(f"e{n}"): draw(st.sampled_from(CATEGORIES)) for n in range(draw(st.integers(1, 4)))}
    experts = [
        Expert(JudgeId(f"j{n}"), draw(st.frozensets(st.sampled_from(CATEGORIES), max_size=2)))
        for n in range(draw(st.integers(1, 4)))
    ]
    pairs = list(product([each.judge_id for each in experts], entries))
    conflicts = frozenset(draw(st.lists(st.sampled_from(pairs), max_size=4)))
    return entries, experts, conflicts, draw(st.integers(1, 3))


@settings(max_examples=150, deadline=None)
@given(panels(), st.randoms())
def test_no_assignment_is_better_balanced(panel, random) -> None:  # type: ignore[no-untyped-def]
    entries, experts, conflicts, per_entry = panel
    plan = assign(entries, experts, per_entry=per_entry, conflicts=conflicts)
    shuffled = list(experts)
    random.shuffle(shuffled)
    backwards = dict(reversed(list(entries.items())))
    assert assign(backwards, shuffled, per_entry=per_entry, conflicts=conflicts) == plan

    choices = []
    for entry_id, category_id in entries.items():
        free = [
            each.judge_id
            for each in experts
            if each.judges(category_id) and (each.judge_id, entry_id) not in conflicts
        ]
        seats = {judge_id for judge_id, entry in plan.pairs if entry == entry_id}
        assert seats <= set(free)
        assert len(seats) == min(per_entry, len(free))
        assert plan.short.get(entry_id, 0) == per_entry - len(seats)
        choices.append(list(combinations(free, len(seats))))
    best = min(
        sum(sum(each.judge_id in seats for seats in chosen) ** 2 for each in experts)
        for chosen in product(*choices)
    )
    assert sum(load**2 for load in loads(plan, experts)) == best


def test_entries_are_handed_down_a_chain_of_judges() -> None:
    """Whoever the lot gives ``first`` to, no judge stays idle while another has two to spare."""
    experts = [expert(1, "a"), expert(2, "a", "b"), expert(3, "b")]
    for name in range(20):
        first, then = EntryId(f"a{name}"), EntryId(f"b{name}")
        busy = [EntryId("k1"), EntryId("k2")]
        entries = {first: CategoryId("b"), then: CategoryId("a"), **dict.fromkeys(busy, CategoryId("a"))}
        kept = {(JudgeId("judge-1"), entry_id) for entry_id in busy}
        plan = assign(entries, experts, per_entry=1, kept=kept)
        assert plan.pairs == kept | {("judge-3", first), ("judge-2", then)}
