"""One concern per file, in front of every handler. ``service.web.setup`` says in which order, and why."""
