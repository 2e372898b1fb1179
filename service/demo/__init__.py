"""``keyledger demo``: the service, an OpenID provider that behaves like an Okta org, and people to sign in as."""


def main() -> int:
    """Run the demonstration until it is interrupted. Returns the process's exit code."""
    from service.demo.run import main as run

    return run()
