"""Opens everything behind the screen or behind ``exec``: configuration, demo, wiring. Light until it is called."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.late_import import import_late
from services.safety.actor import Surface
from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from console.log import Log
    from console.wiring import Backend


async def open_backend(
    *,
    clock: Clock,
    surface: Surface,
    config: Path | None = None,
    demo: bool = False,
    switch_theme: Callable[[str], None] | None = None,
    automation: bool = False,
    log: Log | None = None,
) -> Backend:
    """Read and check the configuration (or start the demo), and build what belongs to it. Connects to nothing.

    The heavy imports and the making of clients happen in threads, so a running screen stays alive.

    Args:
        clock: the only time there is.
        surface: who asks; a wallboard can write nothing.
        config: the file that the person named.
        demo: the simulated production instead of any configuration; its store is a temporary one.
        switch_theme: shows a theme at once.
        automation: whether no person asks, but a script.
        log: learns the level that is configured and every secret; None where nothing is logged.

    Raises:
        ConsoleError: the configuration cannot be used, or the demo does not start.
    """
    async with AsyncExitStack() as resources:
        if demo:
            settings = await _demo(resources, clock)
        else:
            loading = await import_late("console.configuration.loading")
            settings = (await asyncio.to_thread(loading.load, config)).settings
        if log is not None:
            log.choose(settings.sre.log.level)
        wiring = await import_late("console.wiring")
        from console.configuration.paths import state_directory
        from console.preferences import Preferences

        backend: Backend = await asyncio.to_thread(
            wiring.Backend,
            settings,
            clock,
            surface,
            Preferences(state_directory()),
            demo=demo,
            switch_theme=switch_theme,
            automation=automation,
            redaction=None if log is None else log.redaction,
        )
        backend.resources = resources.pop_all()
    return backend


async def _demo(resources: AsyncExitStack, clock: Clock) -> Any:
    child_module = await import_late("services.demo.child")
    model = await import_late("console.configuration.model")
    directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="sre-console-demo-store-"))
    child = await resources.enter_async_context(await child_module.start_demo())
    url = f"sqlite:///{directory}/store.db"
    document = child.config
    document["sre"]["store"] = {"url": url}
    settings = model.Settings.model_validate(document)
    play = await import_late("console.demo_story")
    await resources.enter_async_context(play.playing(child.story, url, clock))
    return settings
