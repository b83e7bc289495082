"""The command palette: everything that the keys of a place do, to be found by its name."""

from __future__ import annotations

from functools import partial

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode


class Actions(Provider):
    """What can be done in the place from which the palette was opened."""

    @property
    def _bindings(self) -> list[tuple[DOMNode, Binding]]:
        active = self.screen.active_bindings.values()
        return [(found.node, found.binding) for found in active if found.enabled and found.binding.id]

    async def discover(self) -> Hits:
        """All of it, before anything is typed."""
        for node, binding in self._bindings:
            yield DiscoveryHit(_name(self, binding), partial(self._run, node, binding), help=binding.tooltip)

    async def search(self, query: str) -> Hits:
        """What fits."""
        matcher = self.matcher(query)
        for node, binding in self._bindings:
            name = _name(self, binding)
            if (score := matcher.match(f"{name} {binding.tooltip}")) > 0:
                yield Hit(
                    score, matcher.highlight(name), partial(self._run, node, binding), help=binding.tooltip
                )

    async def _run(self, node: DOMNode, binding: Binding) -> None:
        await self.app.run_action(binding.action, default_namespace=node)


def _name(provider: Provider, binding: Binding) -> str:
    return f"{binding.description} ({provider.app.get_key_display(binding)})"
