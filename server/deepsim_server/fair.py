"""A queue that is fair between those who wait: each in turn gets one item served."""

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class FairQueue(Generic[Item]):
    """Items in order of arrival for each owner, and the owners served round robin."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, deque[Item]] = OrderedDict()

    def add(self, owner: Hashable, item: Item, *, first: bool = False) -> None:
        """Put an item at the end of its owner's row; `first`: before everything else."""
        row = self._waiting.setdefault(owner, deque())
        if first:
            row.appendleft(item)
            self._waiting.move_to_end(owner, last=False)
        else:
            row.append(item)

    def pop(self) -> Item:
        """The next item; its owner goes behind the others. Raises IndexError when empty."""
        if not self._waiting:
            raise IndexError("nothing waits")
        owner, row = next(iter(self._waiting.items()))
        item = row.popleft()
        if row:
            self._waiting.move_to_end(owner)
        else:
            del self._waiting[owner]
        return item

    def remove(self, item: Item) -> bool:
        """Take an item out; whether it was there."""
        for owner, row in self._waiting.items():
            if item in row:
                row.remove(item)
                if not row:
                    del self._waiting[owner]
                return True
        return False

    def __iter__(self) -> Iterator[Item]:
        return (item for row in self._waiting.values() for item in row)

    def __contains__(self, item: object) -> bool:
        return any(item in row for row in self._waiting.values())

    def __len__(self) -> int:
        return sum(len(row) for row in self._waiting.values())
