"""What stands in front of every handler, one concern per file, put in order by ``service.web.front.door``.

Concerns are plain functions: a chain of middlewares would cost each request a coroutine per concern, and the way to a
provider is held to half the speed of a bare redirect.
"""
