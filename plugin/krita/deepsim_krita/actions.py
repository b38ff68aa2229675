"""The one table of what can be done: menu, shortcuts, docker buttons and mends all use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

PREFIX = "deepsim_"
"""Before an action's id, where it must be told from those of Krita and other plugins."""


@dataclass(frozen=True)
class Action:
    """Something that the artist can do.

    Attributes:
        id: what the code calls it.
        text: its name on menus and buttons.
        tip: one sentence for tooltips.
        run: does it; refusals become notices.
        enabled: whether there is anything to do it with, now.
        shortcut: the default one, as Krita's action files write it; empty for none.
        menu: whether it is in Tools > DeepSIM, and so can be given a shortcut.
        document: whether it needs a document; Krita then greys it by itself, too.
    """

    id: str
    text: str
    tip: str
    run: Callable[[], None]
    enabled: Callable[[], bool]
    shortcut: str = ""
    menu: bool = True
    document: bool = True


def by_id(actions: Sequence[Action]) -> Mapping[str, Action]:
    """The table for looking up."""
    return {action.id: action for action in actions}


def action_file(actions: Sequence[Action]) -> str:
    """Krita's description of the actions in the menu: what deepsim.action holds."""
    entries = "".join(_entry(action) for action in actions if action.menu)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ActionCollection version="2" name="Scripts">\n'
        '  <Actions category="DeepSIM">\n'
        "    <text>DeepSIM</text>\n"
        f"{entries}"
        "  </Actions>\n"
        "</ActionCollection>\n"
    )


def _entry(action: Action) -> str:
    text, tip = escape(action.text), escape(action.tip)
    flags = 1 if action.document else 0  # KisAction::ACTIVE_IMAGE
    return (
        f'    <Action name="{PREFIX}{action.id}">\n'
        "      <icon></icon>\n"
        f"      <text>{text}</text>\n"
        f"      <whatsThis>{tip}</whatsThis>\n"
        f"      <toolTip>{tip}</toolTip>\n"
        f"      <iconText>{text}</iconText>\n"
        f"      <activationFlags>{flags}</activationFlags>\n"
        "      <activationConditions>0</activationConditions>\n"
        f"      <shortcut>{escape(action.shortcut)}</shortcut>\n"
        "      <isCheckable>false</isCheckable>\n"
        f"      <statusTip>{tip}</statusTip>\n"
        "    </Action>\n"
    )
