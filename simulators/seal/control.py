"""The other side of the seal authority: what was sealed, and bodies whose seal is taken away. Under /control/seal/."""

from aiohttp import web

from simulators.control import answer, need_text, read_json
from simulators.core import World
from simulators.seal.seals import statements, withdrawn


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/seal."""

    async def list_statements(_: web.Request) -> web.Response:
        return answer(list(statements(world).values()))

    async def withdraw(request: web.Request) -> web.Response:
        """Take the seal of a body away: {"owner": credit code}."""
        withdrawn(world)[need_text(await read_json(request), "owner")] = True
        world.state.touch()
        return answer(sorted(withdrawn(world)))

    async def restore(_: web.Request) -> web.Response:
        withdrawn(world).clear()
        world.state.touch()
        return answer([])

    return [
        web.get("/statements", list_statements),
        web.post("/withdrawn", withdraw),
        web.delete("/withdrawn", restore),
    ]
