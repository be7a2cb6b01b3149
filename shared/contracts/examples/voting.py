"""Examples of voting's events."""

from shared.contracts import rulebook, voting
from shared.contracts.event import Event
from shared.contracts.examples.scene import APPROVER, CONTEST, ENTRY, OTHER_ENTRY, STAFF, at
from shared.contracts.ids import ReceiptId, VoterId

_RECEIPT = ReceiptId("7K3M-Q9TX-2F")

VOTING: tuple[Event, ...] = (
    voting.VoteCast(
        contest_id=CONTEST,
        receipt_id=_RECEIPT,
        voter_id=VoterId("b0f4c7d2a8e1439c"),
        slot="",
        entry_id=ENTRY,
        commitment="4c" * 32,
        key_id="2022-08",
        signals=voting.VoteSignals(
            subnet24="a91f3c0d52e84b17",
            prefix="0c77d1e2a4935f68",
            mail_domain_class="webmail",
            mail_domain="5be012a9c4d7",
            code_age_seconds=41,
            agent="e3a1047fb2c65d90",
            agent_class="mobile",
        ),
        cast_at=at(8, 6),
    ),
    voting.VotingSealed(contest_id=CONTEST, partition=7, sealed_at=at(8, 12, 10)),
    voting.TallyChanged(
        contest_id=CONTEST, entry_id=ENTRY, revision=312, counted=3_980, changed_at=at(8, 12, 9)
    ),
    voting.VotingOpened(
        contest_id=CONTEST,
        revision=1,
        ballot=(ENTRY, OTHER_ENTRY),
        scope=rulebook.VoteScope.CONTEST,
        closes_at=at(8, 12, 10),
        opened_at=at(8, 5, 3),
        head_key="d7" * 32,
    ),
    voting.VotingClosed(
        contest_id=CONTEST,
        revision=2,
        seals=(voting.PartitionSeal(partition=0, offset=851), voting.PartitionSeal(partition=1, offset=806)),
        closed_at=at(8, 12, 10),
    ),
    voting.VotesHeld(
        contest_id=CONTEST,
        decision_id="0181f000-0000-7f00-8000-000000000001",
        receipt_ids=(_RECEIPT,),
        reason="ส่งจากเครือข่ายเดียวกันด้วยโปรแกรมเดียวกันเกินเกณฑ์",
        reason_en="From one network by one program, beyond the thresholds",
        detector="agent+network",
        case_id="0181f000-0000-7f00-8000-0000000000c1",
        part=1,
        votes=1,
        decided_at=at(8, 10),
    ),
    voting.VotesReleased(
        contest_id=CONTEST,
        decision_id="0181f000-0000-7f00-8000-000000000002",
        receipt_ids=(_RECEIPT,),
        reason="ตรวจแล้วเป็นเครือข่ายของสถานศึกษา",
        approved_by=(STAFF, APPROVER),
        decided_at=at(8, 11),
    ),
    voting.VotesStruck(
        contest_id=CONTEST,
        decision_id="0181f000-0000-7f00-8000-000000000003",
        receipt_ids=(ReceiptId("2B8N-WQ4R-7D"),),
        reason="กล่องจดหมายใช้ครั้งเดียวจากผู้ส่งรายเดียว",
        approved_by=(STAFF, APPROVER),
        decided_at=at(8, 11),
    ),
    voting.TreeHeadSigned(
        contest_id=CONTEST,
        revision=9,
        heads=(voting.PartitionHead(partition=0, size=851, root="1d" * 32),),
        key_id="head-2022",
        signature="5e" * 64,
        signed_at=at(8, 12, 10, 1),
    ),
    voting.PopularVoteCertified(
        contest_id=CONTEST,
        revision=3,
        totals=(
            voting.EntryVotes(entry_id=OTHER_ENTRY, counted=4_210),
            voting.EntryVotes(entry_id=ENTRY, counted=3_980),
        ),
        received=8_260,
        counted=8_190,
        duplicate=64,
        late=5,
        held=0,
        struck=1,
        winner_entry_id=OTHER_ENTRY,
        certified_by=(STAFF, APPROVER),
        certified_at=at(8, 13),
        tree_head_revision=9,
        waived=("replication-factor",),
    ),
    voting.IdentityKeysDestroyed(
        contest_id=CONTEST,
        destroyed_by="ผู้อำนวยการฝ่ายส่งเสริมเมืองอัจฉริยะ",
        addresses=8_191,
        voters=8_190,
        linked=0,
        receipts_verified=1_000,
        destroyed_at=at(8, 19, 2),
    ),
)
