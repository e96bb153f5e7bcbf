"""Index arithmetic of the rings: appends in order, one ring after the other."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail_det.models.memory.ring import push_slots, random_positions, recent_positions, repeated_positions

NUM_RINGS = 3
RINGS = st.lists(st.integers(0, NUM_RINGS), max_size=20)
WRITTEN = st.lists(st.integers(0, 9), min_size=NUM_RINGS, max_size=NUM_RINGS)


@settings(deadline=None)
@given(rings=RINGS, written=WRITTEN, capacity=st.integers(1, 4))
def test_push_slots_is_a_loop_of_appends(rings, written, capacity):
    expected, ahead = {}, list(written)
    for item, ring in enumerate(rings):
        if ring < NUM_RINGS:
            expected[ring * capacity + ahead[ring] % capacity] = item
            ahead[ring] += 1
    order, slots, added = push_slots(torch.tensor(rings, dtype=torch.long), torch.tensor(written), capacity)
    assert sorted(order.tolist()) == list(range(len(rings)))
    pairs = [(slot, item) for slot, item in zip(slots.tolist(), order.tolist(), strict=True)]
    kept = [pair for pair in pairs if pair[0] < NUM_RINGS * capacity]
    assert dict(kept) == expected
    assert len(kept) == len(expected)  # no slot is written twice, so the order of writing does not matter
    assert added.tolist() == [after - before for after, before in zip(ahead, written, strict=True)]


@settings(deadline=None)
@given(written=WRITTEN, capacity=st.integers(1, 4), data=st.data())
def test_positions_are_of_items_that_are_there(written, capacity, data):
    count = data.draw(st.integers(1, capacity))
    for positions_of in (recent_positions, random_positions):
        positions, counts = positions_of(torch.tensor(written), capacity, count)
        for ring, total in enumerate(written):
            stored = min(total, capacity)
            chosen = positions[ring][counts[ring]].tolist()
            assert len(chosen) == min(count, stored)
            assert len(set(chosen)) == len(chosen)
            assert all(0 <= position < stored for position in chosen)
            if positions_of is recent_positions:
                assert chosen == [(total - 1 - age) % capacity for age in range(len(chosen))]


def test_random_positions_are_uniform():
    torch.manual_seed(0)
    positions, _ = random_positions(torch.full((3000,), 7), capacity=5, count=2)
    share = positions.flatten().bincount() / positions.size(0)
    torch.testing.assert_close(share, torch.full((5,), 0.4), rtol=0.1, atol=0)


def test_repeated_positions_are_stored_ones_and_come_equally_often():
    torch.manual_seed(0)
    positions, counts = repeated_positions(torch.tensor([0, 3, 50]), 10, 6000)
    assert counts.tolist() == [[False] * 6000, [True] * 6000, [True] * 6000]
    assert sorted(set(positions[1].tolist())) == [0, 1, 2]
    shares = torch.bincount(positions[2], minlength=10) / 6000
    torch.testing.assert_close(shares, torch.full((10,), 0.1), atol=0.02, rtol=0)
