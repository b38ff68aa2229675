"""State that tells when it changes: plain Python, so that it can be tested without an editor."""

from __future__ import annotations

from typing import Any, Callable, Generic, TypeVar, overload

T = TypeVar("T")


class Signal:
    """A list of callbacks, called in the order in which they were connected."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., Any]] = []

    def connect(self, callback: Callable[..., Any]) -> None:
        """Calls `callback` at each emit until it is disconnected."""
        self._callbacks.append(callback)

    def disconnect(self, callback: Callable[..., Any]) -> None:
        """Forgets a callback; one that is not connected is no error."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def emit(self, *args: Any) -> None:
        """Calls every callback; one may disconnect itself while it runs."""
        for callback in list(self._callbacks):
            callback(*args)


class Observable:
    """Base of state classes: `changed` is emitted with the property's name after each change."""

    def __init__(self) -> None:
        self.changed = Signal()


class Property(Generic[T]):
    """An attribute of an Observable whose change is told; setting an equal value is no change."""

    def __init__(self, default: T) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type[Observable], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Observable]) -> Property[T]: ...

    @overload
    def __get__(self, instance: Observable, owner: type[Observable]) -> T: ...

    def __get__(self, instance: Any, owner: type[Observable]) -> T | Property[T]:
        if instance is None:
            return self
        value: T = instance.__dict__.get(self._name, self._default)
        return value

    def __set__(self, instance: Observable, value: T) -> None:
        if instance.__dict__.get(self._name, self._default) != value:
            instance.__dict__[self._name] = value
            instance.changed.emit(self._name)
